import type { ClientHandle } from './connection.js'
import { ValueError } from './errors.js'
import { refused, refuseOtherThanSignal, refuseUnknown, shown } from './option-checks.js'

/** What the program calls a semaphore by default; each may be overridden by the call. */
export interface SemaphoreOptions {
  /** A `SignalboxClient`. Default: one shared by all that name none, set up from the environment at first use. */
  readonly client?: ClientHandle | undefined
  /**
   * What to do when the semaphore exists with a limit that is neither this value's nor was so at its creation: use the service's (`keep`, the
   * default), or reject each acquire with `LimitConflictError`.
   */
  readonly onConflict?: 'keep' | 'error' | undefined
  /** How long a lease lasts unrenewed, ms. Default 30,000. */
  readonly ttlMs?: number | undefined
  readonly maxHoldMs?: number | undefined
  readonly holder?: string | undefined
}

/** What is asked for, when nobody waits for it. */
export interface TryAcquireOptions {
  /** How many permits, all or none. Default 1. */
  readonly permits?: number | undefined
  /** How long the lease lasts unrenewed, ms. Default 30,000. A crash of this process costs the permits for at most so long. */
  readonly ttlMs?: number | undefined
  /**
   * The longest time to hold, ms, counted from the grant (as early as it can have been). Renewals ask for no more than is left of it, so the lease
   * ends then: the signal aborts with a `LeaseLostError`, and as much later as the network is slow the service gives the permits to others.
   * Default: no end.
   */
  readonly maxHoldMs?: number | undefined
  /** Who holds, for people to read. Default: the client's. */
  readonly holder?: string | undefined
  /** Gives up: the call rejects with the signal's reason, and leaves no permit behind. */
  readonly signal?: AbortSignal | undefined
}

/** What is asked for, and for how long. */
export interface AcquireOptions extends TryAcquireOptions {
  /** How long to queue, ms; 0: not at all. Left out: until granted or aborted. */
  readonly waitMs?: number | undefined
}

/** What a lease is to be from here on. */
export interface AdoptOptions {
  /** How long the lease lasts unrenewed from here on, ms. Default 30,000. */
  readonly ttlMs?: number | undefined
  /** The longest time to hold, ms, from the adoption. */
  readonly maxHoldMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export const defaultTtlMs = 30_000

/** For what the SDK computes with. Upper bounds are the service's to know. */
export function wholeOf(name: string, given: number | undefined, standard: number): number {
  if (given === undefined) return standard
  if (!Number.isSafeInteger(given) || given < 1)
    throw refused(`${name} must be a whole number above 0, not ${shown(given)}`)
  return given
}

export interface Terms {
  readonly permits: number
  readonly ttlMs: number
  readonly waitMs: number
  readonly maxHoldMs: number
}

const semaphoreOptions = {
  client: true,
  onConflict: true,
  ttlMs: true,
  maxHoldMs: true,
  holder: true,
} as const satisfies Record<keyof SemaphoreOptions, true>

const callOptions = {
  permits: true,
  ttlMs: true,
  waitMs: true,
  maxHoldMs: true,
  holder: true,
  signal: true,
} as const satisfies Record<keyof AcquireOptions, true>

/** Throws `InvalidRequestError`. */
export function refuseUnknownOfSemaphore(options: SemaphoreOptions): void {
  refuseUnknown(options, semaphoreOptions)
}

/** The numbers of a call, over those of its semaphore. Throws `InvalidRequestError`. */
export function termsOf(call: AcquireOptions, semaphore: SemaphoreOptions): Terms {
  refuseUnknown(call, callOptions)
  refuseOtherThanSignal(call.signal)
  const waitMs = call.waitMs ?? Infinity
  if (typeof waitMs !== 'number' || !(waitMs >= 0)) throw refused(`waitMs must be 0 or more, not ${shown(waitMs)}`)
  const given = call.maxHoldMs ?? semaphore.maxHoldMs
  const maxHoldMs = given === Infinity ? Infinity : wholeOf('maxHoldMs', given, Infinity)
  const ttlMs = wholeOf('ttlMs', call.ttlMs ?? semaphore.ttlMs, defaultTtlMs)
  // The first term must not outlast maxHoldMs either.
  return { permits: wholeOf('permits', call.permits, 1), ttlMs: Math.min(ttlMs, maxHoldMs), waitMs, maxHoldMs }
}

/** A semaphore's value or limit; throws `ValueError` for what none can have. */
export function valueOf(value: number, what: string): number {
  if (typeof value === 'number' && value < 0) throw new ValueError(`${what} must be >= 0`, { code: 'INVALID_VALUE' })
  if (!Number.isSafeInteger(value)) {
    throw new ValueError(`${what} must be a whole number, not ${shown(value)}`, { code: 'INVALID_VALUE' })
  }
  return value
}
