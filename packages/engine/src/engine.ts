import type { AcquireCall, GrantedLease, LimitMismatch, NearestInMs, Refusal, Store } from './store.js'

/** One acquire request of a caller. */
export interface AcquireRequest extends Omit<AcquireCall, 'enqueue' | 'attachment'> {
  /** How long the caller is willing to queue; 0: not at all. Above the cap, `still_waiting` comes first. */
  readonly waitMs: number
  /**
   * With a `waitMs` above 0: whether one that queues is answered `still_waiting` as soon as it has its place, which is kept for the grace. For callers
   * whose other calls must not wait with it. Left out: it waits.
   */
  readonly isAnsweredAtOnce?: boolean
}

/** A lease as it is reported to a caller. */
export interface HeldLease extends GrantedLease {
  readonly leaseId: string
  readonly semaphore: string
  /** How long after the arrival of this request `expiresInMs` was taken; never more than the truth. */
  readonly waitedMs: number
  /** Of the request's first answer from the store (a re-run does not create, so it has none of its own). */
  readonly limitMismatch: LimitMismatch
}

export type AcquireOutcome =
  | { readonly kind: 'granted'; readonly lease: HeldLease }
  /** Nothing free, and the caller would not wait. */
  | {
      readonly kind: 'permits_unavailable'
      readonly limit: number
      readonly used: number
      readonly waiting: number
      readonly nearestInMs: NearestInMs
    }
  /** Waited for the whole of waitMs. */
  | { readonly kind: 'acquire_timeout' }
  /** The cap is over, or it was to be answered at once; the place is kept for the grace. */
  | { readonly kind: 'still_waiting'; readonly position: number }
  /** This replica holds as many waiting requests as it may. */
  | { readonly kind: 'overloaded' }
  /** This replica is stopping; the place is kept for the grace. */
  | { readonly kind: 'shutting_down' }
  /** `close` was called first: nobody reads this. */
  | { readonly kind: 'closed' }
  | Refusal

/**
 * An acquire under way. `outcome` rejects with `StoreUnavailableError` when the store does not answer; the attachment is ended
 * then as soon as the store is back, so that nothing is left behind.
 */
export interface Attempt {
  readonly outcome: Promise<AcquireOutcome>
  /** The caller's connection closed: ends this attachment, unless `delivered` came first. Any number of times. */
  close(): void
  /** The reply was written: the attachment is not ended any more. */
  delivered(): void
}

/** What the engine tells whoever keeps metrics. Must not throw. */
export interface EngineObserver {
  granted(event: { readonly semaphore: string; readonly permits: number; readonly waitedMs: number }): void
  refused(event: { readonly semaphore: string; readonly kind: Exclude<AcquireOutcome['kind'], 'granted'> }): void
  released(event: { readonly semaphore: string; readonly permits: number; readonly heldMs: number }): void
  /** Leases that ended by their deadline. */
  expired(event: { readonly semaphore: string; readonly leases: number }): void
  /** One call of the store. */
  called(event: { readonly operation: string; readonly durationMs: number; readonly ok: boolean }): void
}

/** What callers ask of the store itself. */
type Direct =
  | 'release'
  | 'renew'
  | 'configure'
  | 'addPermits'
  | 'remove'
  | 'inspect'
  | 'leases'
  | 'waiters'
  | 'revoke'
  | 'semaphores'
  | 'ping'
  | 'guardMs'

/** The semaphores of one store, seen from one replica. */
export interface Engine extends Pick<Store, Direct> {
  readonly replica: string
  acquire(request: AcquireRequest): Attempt
  /** Open acquire requests that wait at this replica. */
  readonly waiting: number
  /** Calls of the store that are not answered yet, those of the waiting room among them. */
  readonly storeCalls: number
  /**
   * Refuses new acquires and answers every waiting one with `shutting_down`, without ending its attachment: it keeps its place for
   * the grace. Heartbeats stop. Other calls go on working.
   */
  stop(): void
  /** `stop`, then lets go of the store. */
  close(): Promise<void>
}

export interface EngineSettings {
  /** Longest time one acquire is held open, ms. */
  readonly capMs: number
  /** Time between heartbeats of a semaphore somebody waits for at this replica, ms. */
  readonly heartbeatMs: number
  /** How long the place of a caller that was told `still_waiting` is kept, ms. */
  readonly graceMs: number
  /** Most waiting requests at this replica. */
  readonly waitersMax: number
}

export const defaultEngineSettings: EngineSettings = {
  capMs: 25_000,
  heartbeatMs: 3_000,
  graceMs: 10_000,
  waitersMax: 20_000,
}
