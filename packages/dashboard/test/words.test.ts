import { describe, expect, test } from 'vitest'
import { durationText, localTime, rateText } from '../src/durations.js'
import { holderText } from '../src/semaphore/holder-text.js'
import { removing, resizing, takingBack } from '../src/semaphore/consequences.js'

test.each([
  [-5, '0 s'],
  [0, '0 s'],
  [400, '0.4 s'],
  [949, '0.9 s'],
  [950, '1 s'],
  [59_400, '59 s'],
  [59_600, '1 min'],
  [185_000, '3 min 5 s'],
  [7_440_000, '2 h 4 min'],
  [86_399_600, '1 d'],
  [284_400_000, '3 d 7 h'],
])('%s ms is %s', (ms, text) => {
  expect(durationText(ms)).toBe(text)
})

test.each([
  [0, '0'],
  [0.2, '0.2'],
  [9.96, '10.0'],
  [12.6, '13'],
])('%s a second is %s', (perS, text) => {
  expect(rateText(perS)).toBe(text)
})

test('a time that is not of today has its date', () => {
  const today = new Date(2026, 2, 5, 12)
  const earlier = localTime(new Date(2026, 2, 5, 10, 3, 7).toISOString(), today)
  expect(earlier).toContain('03')
  expect(localTime(new Date(2026, 2, 4, 10, 3, 7).toISOString(), today)).toMatch(/26.*10.03.07/)
  expect(earlier).not.toContain('26')
})

const waiter = (permits: number) => ({ position: 1, permits, holder: '', since: '', waitedMs: 0 })
const detail = (used: number, limit: number, waiters: readonly number[] = []) => ({
  semaphore: {
    name: 'a',
    limit,
    bounded: true,
    used,
    available: Math.max(0, limit - used),
    waiting: waiters.length,
    oldestWaitMs: 0,
    grantsPerS: 0,
  },
  leases: [],
  waiters: waiters.map(waiter),
  truncated: false,
})

describe('what a resize says that it will do', () => {
  test.each([
    ['nothing', detail(1, 3), 3, /nothing changes/],
    [
      'below use',
      detail(3, 3),
      1,
      /3 permits are in use, 2 permits more than the new limit: those who hold keep theirs until they give/,
    ],
    ['above use', detail(1, 3), 2, /^Nothing is taken from anybody\.$/],
    ['to nothing', detail(0, 3), 0, /grants nothing until it is raised/],
    [
      'too small for a waiter',
      detail(3, 3, [1, 3]),
      2,
      /1 waiter of those listed asks for more than 2 and will be refused/,
    ],
    ['to nothing, with one that waits for one', detail(3, 3, [1]), 0, /Those who wait keep their places/],
    ['up, for nobody', detail(3, 3), 5, /Then 2 permits are free\. Nobody waits/],
    [
      'up, for some',
      detail(3, 3, [1, 1]),
      4,
      /Then 1 permit is free\. The first in the queue get permits at once.*2 wait/,
    ],
    ['up, but not enough', detail(5, 2, [1]), 4, /5 permits are in use, so nobody new is let in yet/],
  ] as const)('%s', (_what, before, limit, expected) => {
    expect(resizing(before, limit).join(' ')).toMatch(expected)
  })

  test('one waiter for one permit is never too big, whatever the limit', () => {
    expect(resizing(detail(3, 3, [1]), 0).join(' ')).not.toMatch(/refused/)
  })
})

test('taking back says who loses what, who gets it, and that the process goes on', () => {
  const lease = { fence: 7, permits: 2, holder: 'job', grantedAt: '', heldMs: 0, expiresAt: '', expiresInMs: 0 }
  const text = takingBack(detail(2, 2, [1]), lease).join(' ')
  expect(text).toMatch(/^job loses its 2 permits at once.*fence 7/)
  expect(text).toMatch(/go to the first in the queue this moment.*two may be at work/)
  expect(takingBack(detail(2, 2), { ...lease, holder: '' }).join(' ')).toMatch(
    /^A holder without a label.*for who comes next/,
  )
  expect(takingBack(detail(8, 3, [1]), lease).join(' ')).toMatch(/6 permits are still in use then, so nobody new/)
  expect(takingBack(detail(3, 3, [3, 1]), lease).join(' ')).toMatch(
    /first in the queue asks for 3, and 2 are free then/,
  )
})

test('a label cannot turn round the sentence that it stands in', () => {
  expect(holderText('a\u202e\u2066b \u200e\u061c')).toBe('a\ufffd\ufffdb \ufffd\ufffd')
  const lease = { fence: 7, permits: 1, holder: '\u202ex', grantedAt: '', heldMs: 0, expiresAt: '', expiresInMs: 0 }
  expect(takingBack(detail(1, 1), lease).join(' ')).not.toContain('\u202e')
})

test('removing says whose leases become void, and who is told', () => {
  expect(removing(detail(3, 3, [1, 1]).semaphore).join(' ')).toMatch(
    /3 permits are in use\. Their leases become void.*second crew.*2 waiters are told/,
  )
  expect(removing(detail(0, 3).semaphore).join(' ')).toMatch(/^Nobody holds a permit\. The limit is forgotten/)
})
