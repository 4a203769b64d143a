import type { Fault } from './answer.js'
import { LeaseLostError, UnavailableError, type SignalboxError } from './errors.js'

const firstPauseMs = 100
const longestPauseMs = 2_000
// A replica that stops tells its callers to go elsewhere at once; three in a row, and it is the whole service that stops.
const immediateMoves = 3

/**
 * How long a call goes on after failures. The first retry is at once, whatever else: it costs nothing where a keep-alive connection had gone
 * stale. Then pauses that double, jittered, so that the callers of a service that comes back do not come as one. The window opens with the
 * first failure, and any answer closes it.
 */
export class Patience {
  readonly #retryForMs: number
  readonly #jitter: () => number
  #failingSinceMs: number | undefined
  #failures = 0

  constructor(retryForMs: number, jitter: () => number = Math.random) {
    this.#retryForMs = retryForMs
    this.#jitter = jitter
  }

  answered(): void {
    this.#failingSinceMs = undefined
    this.#failures = 0
  }

  /** How long to pause before the next attempt; null: give up. Beyond `untilMs` only the first retry is allowed. */
  pauseMs(fault: Fault, nowMs: number, untilMs: number): number | null {
    this.#failingSinceMs ??= nowMs
    this.#failures++
    if (this.#failures === 1) return 0
    const leftMs = Math.min(this.#failingSinceMs + this.#retryForMs, untilMs) - nowMs
    if (leftMs <= 0) return null
    if (fault.error.code === 'SHUTTING_DOWN' && this.#failures <= immediateMoves) return 0
    const ceilingMs = Math.min(firstPauseMs * 2 ** (this.#failures - 2), longestPauseMs)
    const pauseMs = Math.max(ceilingMs * (0.5 + this.#jitter() / 2), Math.min(fault.retryAfterMs ?? 0, longestPauseMs))
    // The last attempt is made when the window closes, not given up because the pause would not fit.
    return Math.min(pauseMs, leftMs)
  }
}

/** What a call rejects with when its patience is over. */
export function exhausted(request: string, attempts: number, last: Fault): SignalboxError {
  const { error } = last
  // It was granted, each time too late to be used: nobody is down.
  if (error instanceof LeaseLostError) return error
  const tries = attempts === 1 ? 'once' : `${attempts} times`
  return new UnavailableError(`${request} was tried ${tries}; the last failure: ${error.message}`, {
    code: error.code,
    status: error.status,
    retryable: true,
    requestId: error.requestId,
    cause: error,
  })
}
