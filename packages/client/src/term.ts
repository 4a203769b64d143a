import type { Clock } from './clock.js'

/** The times of one grant or renewal, on the local monotonic clock, and what the reply said. */
export interface Granted {
  /** Read before the request was sent. */
  readonly sentAtMs: number
  readonly receivedAtMs: number
  readonly expiresInMs: number
  /** How long after the request's arrival `expiresInMs` was taken; 0 unless the request queued. */
  readonly waitedMs: number
}

/**
 * The earliest local time at which the lease may be over. The server took `expiresInMs` no earlier than `waitedMs` after the request arrived,
 * and it arrived no earlier than it was sent. "Sent plus ttl" is wrong both ways: too late for a repeat, which finds an old lease, and
 * long over for a grant that queued. The elapsed time bounds `waitedMs`, should the store's clock have been stepped. One ms less,
 * because the store counts whole ms: what it calls now may be almost a ms ago.
 */
export function localDeadlineMs(granted: Granted): number {
  return baseMs(granted) + granted.expiresInMs - 1
}

/** The latest local time known to lie before the server took `expiresInMs`. */
function baseMs(granted: Granted): number {
  return granted.sentAtMs + Math.min(granted.waitedMs, granted.receivedAtMs - granted.sentAtMs)
}

/** How long a lease lasts, as its holder may count on it. */
export class Term {
  readonly #clock: Clock
  #deadlineMs: number
  /** Asked for at each renewal. */
  ttlMs: number
  /** No renewal goes beyond this; Infinity without `maxHoldMs`. */
  readonly #holdUntilMs: number

  constructor(clock: Clock, granted: Granted, ttlMs: number, maxHoldMs: number) {
    this.#clock = clock
    this.ttlMs = ttlMs
    this.#holdUntilMs = baseMs(granted) + maxHoldMs
    this.#deadlineMs = Math.min(localDeadlineMs(granted), this.#holdUntilMs)
  }

  get deadlineMs(): number {
    return this.#deadlineMs
  }

  get leftMs(): number {
    return this.#deadlineMs - this.#clock.now()
  }

  get over(): boolean {
    return this.leftMs <= 0
  }

  /** Whether `maxHoldMs` is what ends it. */
  get capped(): boolean {
    return this.#deadlineMs + 1 >= this.#holdUntilMs
  }

  /** Never makes the deadline earlier: the server does not either. */
  extend(granted: Granted): void {
    this.#deadlineMs = Math.max(this.#deadlineMs, Math.min(localDeadlineMs(granted), this.#holdUntilMs))
  }

  /** When a third of the ttl is used up; at once, if a repeat found an old lease. Null: `maxHoldMs` allows no further renewal. */
  get renewAtMs(): number | null {
    return this.capped ? null : this.#deadlineMs - (this.ttlMs * 2) / 3
  }

  /** What of a ttl `maxHoldMs` leaves from now; at least 1. */
  cappedTtlMs(ttlMs: number): number {
    return Math.max(1, Math.min(ttlMs, Math.ceil(this.#holdUntilMs - this.#clock.now())))
  }
}
