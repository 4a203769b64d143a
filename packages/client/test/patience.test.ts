import { describe, expect, it } from 'vitest'
import { fault } from '../src/answer.js'
import { LeaseLostError, SignalboxError, UnavailableError, type ErrorCode } from '../src/errors.js'
import { exhausted, Patience } from '../src/patience.js'

function failure(code: ErrorCode = 'UNREACHABLE', retryAfterMs?: number): ReturnType<typeof fault> {
  return fault(new SignalboxError('away', { code, status: 503 }), retryAfterMs)
}

const most = (): number => 1
const least = (): number => 0

describe('patience', () => {
  it('retries at once the first time, even when the wait is over', () => {
    expect(new Patience(30_000).pauseMs(failure(), 100, 50)).toBe(0)
    expect(new Patience(0).pauseMs(failure(), 100, Infinity)).toBe(0)
  })

  it('then pauses longer and longer, up to two seconds, by half to the whole', () => {
    const pauses = (jitter: () => number): (number | null)[] => {
      const patience = new Patience(30_000, jitter)
      return Array.from({ length: 8 }, () => patience.pauseMs(failure(), 0, Infinity))
    }
    expect(pauses(most)).toEqual([0, 100, 200, 400, 800, 1_600, 2_000, 2_000])
    expect(pauses(least)).toEqual([0, 50, 100, 200, 400, 800, 1_000, 1_000])
  })

  it('ends retryForMs after the first failure, with one attempt at the very end', () => {
    const patience = new Patience(1_000, most)
    patience.pauseMs(failure(), 5_000, Infinity)
    expect(patience.pauseMs(failure(), 5_950, Infinity)).toBe(50)
    expect(patience.pauseMs(failure(), 6_000, Infinity)).toBeNull()
  })

  it('never goes beyond the wait', () => {
    const patience = new Patience(30_000, most)
    patience.pauseMs(failure(), 0, 250)
    expect(patience.pauseMs(failure(), 200, 250)).toBe(50)
    expect(patience.pauseMs(failure(), 250, 250)).toBeNull()
  })

  it('begins anew after any answer', () => {
    const patience = new Patience(1_000, most)
    patience.pauseMs(failure(), 0, Infinity)
    patience.answered()
    expect(patience.pauseMs(failure(), 5_000, Infinity)).toBe(0)
    expect(patience.pauseMs(failure(), 5_500, Infinity)).toBe(100)
  })

  it('heeds Retry-After, within reason', () => {
    const patience = new Patience(30_000, most)
    patience.pauseMs(failure(), 0, Infinity)
    expect(patience.pauseMs(failure('OVERLOADED', 1_500), 0, Infinity)).toBe(1_500)
    expect(patience.pauseMs(failure('OVERLOADED', 3_600_000), 0, Infinity)).toBe(2_000)
  })

  it('moves on from stopping replicas at once, but not for ever', () => {
    const patience = new Patience(30_000, most)
    const pauses = Array.from({ length: 5 }, () => patience.pauseMs(failure('SHUTTING_DOWN', 0), 0, Infinity))
    expect(pauses).toEqual([0, 0, 0, 400, 800])
  })

  it('ends in UnavailableError with the last failure as cause', () => {
    const last = failure('STORE_UNAVAILABLE')
    const error = exhausted('POST /x', 3, last)
    expect(error).toBeInstanceOf(UnavailableError)
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', status: 503, retryable: true, cause: last.error })
    expect(error.message).toBe('POST /x was tried 3 times; the last failure: away')
  })

  it('ends in the loss itself when every grant came too late', () => {
    const lost = new LeaseLostError('late', { code: 'LEASE_NOT_HELD' })
    expect(exhausted('POST /x', 2, fault(lost))).toBe(lost)
  })
})
