import { expect, test } from 'vitest'
import { scheduleOf, victimOf } from '../src/faults/schedule.js'
import { faultKinds } from '../src/history/event.js'

const cast = { clients: 7, replicas: 3 }
const roundMs = 60_000
const rounds = Array.from({ length: 60 }, (_, index) => index + 1)

test('a seed and a round make one schedule, and others another', () => {
  expect(scheduleOf(7, 1, roundMs, cast)).toEqual(scheduleOf(7, 1, roundMs, cast))
  expect(scheduleOf(7, 1, roundMs, cast)).not.toEqual(scheduleOf(7, 2, roundMs, cast))
  expect(scheduleOf(7, 1, roundMs, cast)).not.toEqual(scheduleOf(8, 1, roundMs, cast))
})

test('no two faults at once have one victim, and all have ended when the round is over', () => {
  for (const round of rounds) {
    const endsAt = new Map<string, number>()
    for (const fault of scheduleOf(7, round, roundMs, cast)) {
      expect(fault.atMs + fault.forMs).toBeLessThanOrEqual(roundMs)
      expect(fault.atMs).toBeGreaterThan(endsAt.get(victimOf(fault)) ?? 0)
      endsAt.set(victimOf(fault), fault.atMs + fault.forMs)
    }
  }
})

test('an hour has every kind of fault in it', () => {
  const kinds = new Set(rounds.flatMap((round) => scheduleOf(7, round, roundMs, cast).map(({ kind }) => kind)))
  expect([...kinds].sort()).toEqual([...faultKinds].sort())
})
