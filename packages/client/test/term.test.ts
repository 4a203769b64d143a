import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { machineClock } from '../src/clock.js'
import { localDeadlineMs, Term } from '../src/term.js'

// Script tables of the local deadline (invariant I11): sent, received, what the reply said, and what the holder may count on.
describe('the local deadline', () => {
  it.each([
    { what: 'held at once', sentAtMs: 1_000, receivedAtMs: 1_040, expiresInMs: 30_000, waitedMs: 0, deadline: 30_999 },
    {
      what: 'a repeat that finds an old lease',
      sentAtMs: 1_000,
      receivedAtMs: 1_001,
      expiresInMs: 70,
      waitedMs: 0,
      deadline: 1_069,
    },
    {
      what: 'after a wait longer than its ttl',
      sentAtMs: 1_000,
      receivedAtMs: 21_010,
      expiresInMs: 5_000,
      waitedMs: 20_000,
      deadline: 25_999,
    },
    {
      what: "a wait that the store's clock made up",
      sentAtMs: 1_000,
      receivedAtMs: 1_200,
      expiresInMs: 5_000,
      waitedMs: 9_999,
      deadline: 6_199,
    },
  ])('$what', ({ deadline, ...granted }) => {
    expect(localDeadlineMs(granted)).toBe(deadline)
  })
})

describe('a term', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const granted = (expiresInMs: number, sentAtMs = performance.now()) => ({
    sentAtMs,
    receivedAtMs: sentAtMs,
    expiresInMs,
    waitedMs: 0,
  })

  it('is over at its deadline, not before', () => {
    const term = new Term(machineClock, granted(1_001), 1_001, Infinity)
    vi.advanceTimersByTime(999)
    expect(term.over).toBe(false)
    vi.advanceTimersByTime(1)
    expect(term.over).toBe(true)
  })

  it('is renewed when a third of its ttl is used up, and at once when a repeat found less than two thirds', () => {
    const at = performance.now()
    expect(new Term(machineClock, granted(30_001), 30_000, Infinity).renewAtMs).toBeCloseTo(at + 10_000)
    expect(new Term(machineClock, granted(5_000), 30_000, Infinity).renewAtMs).toBeLessThan(at)
  })

  it('never ends earlier for a renewal', () => {
    const term = new Term(machineClock, granted(30_000), 30_000, Infinity)
    const before = term.deadlineMs
    term.extend(granted(5_000))
    expect(term.deadlineMs).toBe(before)
    vi.advanceTimersByTime(10_000)
    term.extend(granted(30_000))
    expect(term.deadlineMs).toBe(before + 10_000)
  })

  it('ends at maxHoldMs, by renewals that ask for no more than is left of it', () => {
    const start = performance.now()
    const term = new Term(machineClock, granted(3_000), 3_000, 7_000)
    vi.advanceTimersByTime(2_000)
    expect(term.cappedTtlMs(3_000)).toBe(3_000)
    term.extend(granted(3_000))
    expect(term.capped).toBe(false)
    vi.advanceTimersByTime(2_500)
    expect(term.cappedTtlMs(3_000)).toBe(2_500)
    term.extend(granted(2_500))
    expect(term.renewAtMs).toBeNull()
    expect(term.deadlineMs).toBeGreaterThanOrEqual(start + 6_999)
    expect(term.deadlineMs).toBeLessThanOrEqual(start + 7_000)
  })

  it('is not trusted beyond maxHoldMs, whatever the service says', () => {
    const start = performance.now()
    const term = new Term(machineClock, granted(60_000), 60_000, 7_000)
    expect(term.deadlineMs).toBe(start + 7_000)
  })
})
