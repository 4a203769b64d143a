/**
 * The border between the waiting room and what keeps the state. Every method but `semaphores` is one atomic transition,
 * decided on the store's own clock; callers pass durations, never points in time. Each may reject with `StoreUnavailableError`: then
 * whether the transition happened is not known, which is why every one of them may be repeated.
 */

/** One open acquire request: its replica and a number that replica counts up. */
export interface Attachment {
  readonly replica: string
  readonly number: number
}

/** What a first use may create, and what to do when something else is there. */
export interface Creation {
  readonly limit: number
  readonly bounded: boolean
  readonly onConflict: 'keep' | 'error'
}

export interface AcquireCall {
  readonly semaphore: string
  /** Lower-case UUID. */
  readonly leaseId: string
  readonly permits: number
  readonly ttlMs: number
  /** Whether to queue when it does not fit. False on a waiting id leaves the queue. */
  readonly enqueue: boolean
  readonly attachment: Attachment
  readonly holder: string
  readonly create: Creation | null
}

/** A lease as the transition that granted or found it saw it. Points in time are on the store's clock, ms. */
export interface GrantedLease {
  readonly permits: number
  readonly fence: number
  /** The ttl it was granted, or last renewed, with. */
  readonly ttlMs: number
  readonly grantedAtMs: number
  readonly deadlineMs: number
  /** deadlineMs minus the store's now; above 0. */
  readonly expiresInMs: number
}

/** Until the next deadline that can move the queue (a lease's, or the grace of the waiter at its head); null: there is none. */
export type NearestInMs = number | null

export type Refusal =
  | { readonly kind: 'semaphore_not_found' }
  | { readonly kind: 'limit_conflict'; readonly limit: number; readonly bounded: boolean }
  | { readonly kind: 'permits_exceed_limit'; readonly limit: number }
  /** The id lives with other permits, given here. */
  | { readonly kind: 'lease_id_conflict'; readonly permits: number }
  | { readonly kind: 'queue_full'; readonly waiting: number }
  /** The id is retired. */
  | { readonly kind: 'wait_cancelled' }

/**
 * The semaphore's limit, when `create` was given and kept although its limit is neither the value at creation nor the
 * current limit; else null.
 */
export type LimitMismatch = number | null

export type AcquireReply =
  | { readonly kind: 'granted'; readonly lease: GrantedLease; readonly limitMismatch: LimitMismatch }
  /** `attachedAtMs`: the store's clock when this request was attached. */
  | {
      readonly kind: 'queued'
      readonly limitMismatch: LimitMismatch
      readonly position: number
      readonly attachedAtMs: number
      readonly nearestInMs: NearestInMs
    }
  | {
      readonly kind: 'busy'
      readonly limit: number
      readonly used: number
      readonly waiting: number
      readonly nearestInMs: NearestInMs
    }
  | Refusal

export type ReleaseReply =
  | { readonly kind: 'released'; readonly permits: number; readonly heldMs: number }
  | { readonly kind: 'cancelled'; readonly permits: number }
  | { readonly kind: 'lease_not_held' }

export type RenewReply =
  { readonly kind: 'renewed'; readonly lease: GrantedLease } | { readonly kind: 'lease_not_held' }

/**
 * What became of an attachment's end. `held`: only with `unlessHeld`; nothing was ended. `left`: the last attachment went, and the
 * waiter with it. `returned`: the last attachment went, and the lease's permits came back. `detached`: others remain.
 */
export type EndReply =
  | { readonly kind: 'held'; readonly lease: GrantedLease }
  | { readonly kind: 'left' }
  | { readonly kind: 'returned' }
  | { readonly kind: 'detached' }
  | { readonly kind: 'not_attached' }

export type OpenRequestState =
  /** Waits, with this attachment. */
  | { readonly kind: 'waiting' }
  /** Held, with this attachment on that very lease: its notice was lost. */
  | { readonly kind: 'granted'; readonly lease: GrantedLease }
  /** The store does not know this attachment (grace over, data lost, adopted by another request). */
  | { readonly kind: 'unknown' }

export interface HeartbeatReply {
  readonly nearestInMs: NearestInMs
  /** One for each open request of the call, in its order. */
  readonly states: readonly OpenRequestState[]
}

export interface SemaphoreState {
  readonly name: string
  readonly limit: number
  readonly bounded: boolean
  /** Permits held by leases whose deadline has not passed. May exceed the limit after it was lowered. */
  readonly used: number
  readonly waiting: number
  /** How long the head of the queue has waited, ms; 0 if nobody waits. */
  readonly oldestWaitMs: number
  /** Leases granted since it was created, by whichever replica: two looks at it tell how many come in a second. */
  readonly grants: number
}

export interface LeaseView {
  readonly fence: number
  readonly permits: number
  readonly holder: string
  readonly grantedAtMs: number
  readonly heldMs: number
  readonly deadlineMs: number
  readonly expiresInMs: number
}

export interface WaiterView {
  readonly position: number
  readonly permits: number
  readonly holder: string
  readonly sinceMs: number
  readonly waitedMs: number
}

/** `nextCursor` null: the last page. A page may be empty while it is not. */
export interface PageOf<Item> {
  readonly items: readonly Item[]
  readonly nextCursor: string | null
}

export interface PageCall {
  readonly semaphore: string
  readonly cursor: string | null
  readonly pageSize: number
}

export type NotFound = { readonly kind: 'semaphore_not_found' }
export type StateReply = { readonly kind: 'state'; readonly state: SemaphoreState }

export type ConfigureReply = {
  readonly kind: 'created' | 'configured'
  readonly state: SemaphoreState
}

export type AddPermitsReply =
  | StateReply
  | NotFound
  | { readonly kind: 'released_too_many_times'; readonly limit: number }
  /** It would exceed the largest limit a semaphore may have; nothing was changed. */
  | { readonly kind: 'limit_too_large'; readonly limit: number }

export type RemoveReply = { readonly kind: 'removed' } | NotFound | { readonly kind: 'in_use'; readonly used: number }

/**
 * What a store tells the replicas that host waiters. It may be lost: a heartbeat finds out the same.
 * `numbers` are the attachments of the addressed replica.
 */
export type Notice =
  | {
      readonly kind: 'granted'
      readonly semaphore: string
      readonly leaseId: string
      readonly numbers: readonly number[]
      /** As of the grant: `expiresInMs` is the whole ttl. */
      readonly lease: GrantedLease
    }
  | {
      readonly kind: 'cancelled'
      readonly semaphore: string
      readonly leaseId: string
      readonly numbers: readonly number[]
    }
  /** The nearest deadline came closer: move the timer. */
  | { readonly kind: 'deadline'; readonly semaphore: string; readonly inMs: number }
  /** Waiters were removed by an operator's change: ask now, do not wait for the heartbeat. */
  | { readonly kind: 'check'; readonly semaphore: string }
  /** The connection was away and is back: notices of any semaphore may have been lost. */
  | { readonly kind: 'gap' }
  /** The store lost its data, and grants again: it knows of no request that was open before. */
  | { readonly kind: 'lost' }

/** Durations and bounds that both stores need, ms and counts. */
export interface StoreSettings {
  /** How long a waiter survives the last heartbeat of its replicas. */
  readonly graceMs: number
  /** How long a semaphore that nobody configured survives its last use. */
  readonly idleMs: number
  /** How long a retired lease id is refused. */
  readonly retireMs: number
  /** How long the requestId of add-permits is remembered. */
  readonly requestIdMs: number
  /** Most waiters of one semaphore. */
  readonly queueMax: number
  /** Most leases expired, and most grants made, by one transition; the rest follow at once. */
  readonly batchMax: number
}

export const defaultStoreSettings: StoreSettings = {
  graceMs: 10_000,
  idleMs: 86_400_000,
  retireMs: 60_000,
  requestIdMs: 600_000,
  queueMax: 10_000,
  batchMax: 1_000,
}

export interface Store {
  acquire(call: AcquireCall): Promise<AcquireReply>
  /** `retire`: refuse the id from now on, in whatever state it was. A cancelled waiter's id is retired anyway. */
  release(call: { semaphore: string; leaseId: string; retire: boolean }): Promise<ReleaseReply>
  renew(call: { semaphore: string; leaseId: string; ttlMs: number }): Promise<RenewReply>
  /**
   * Ends one attachment and nothing else. `unlessHeld`: a wait that is over gives way to a lease of its id, granted meanwhile to
   * whichever attempt; one that is not this attachment's is adopted.
   */
  end(call: { semaphore: string; leaseId: string; attachment: Attachment; unlessHeld: boolean }): Promise<EndReply>
  /** Expires what is past its deadline, drops dead heads, grants what fits. */
  reap(call: { semaphore: string }): Promise<{ nearestInMs: NearestInMs }>
  /** Says that the replica lives, reaps, and looks each open request up. */
  heartbeat(call: {
    semaphore: string
    replica: string
    open: readonly { leaseId: string; number: number }[]
  }): Promise<HeartbeatReply>
  /** `bounded` null keeps what it was (true if new). */
  configure(call: { semaphore: string; limit: number; bounded: boolean | null }): Promise<ConfigureReply>
  addPermits(call: {
    semaphore: string
    permits: number
    requestId: string
    limitMax: number
  }): Promise<AddPermitsReply>
  remove(call: { semaphore: string; force: boolean }): Promise<RemoveReply>
  inspect(call: { semaphore: string }): Promise<StateReply | NotFound>
  /** In the order of their deadlines. A lease held all the while is listed at least once; one renewed meanwhile, perhaps twice. */
  leases(call: PageCall): Promise<({ readonly kind: 'page' } & PageOf<LeaseView>) | NotFound>
  /** In queue order. */
  waiters(call: PageCall): Promise<({ readonly kind: 'page' } & PageOf<WaiterView>) | NotFound>
  /** Takes the lease with this fence back, whoever holds it. */
  revoke(call: { semaphore: string; fence: number }): Promise<ReleaseReply>
  /** Not atomic across semaphores, but each state is. */
  semaphores(call: { prefix: string; cursor: string | null; pageSize: number }): Promise<PageOf<SemaphoreState>>

  /** Hears what is told to this replica until the returned function is called. One listener per replica. */
  listen(replica: string, listener: (notice: Notice) => void): Promise<() => Promise<void>>
  /** Resolves with a word for people ("redis 7.0.15 at 127.0.0.1:6379", "memory"); rejects when the store cannot be reached. */
  ping(): Promise<string>
  /** How long nothing is granted yet because the store has lost its data; 0: it has not, as far as is known. */
  guardMs(): number
  close(): Promise<void>
}

/** A cursor that this store did not make. */
export class InvalidCursorError extends Error {
  override readonly name = 'InvalidCursorError'
}

/** The store did not answer, or not in time: whether the transition happened is not known. */
export class StoreUnavailableError extends Error {
  override readonly name: string = 'StoreUnavailableError'
  readonly code: 'STORE_UNAVAILABLE' | 'STORE_RECOVERING' = 'STORE_UNAVAILABLE'
}

/** The store has lost its data, and leases of before may still be held: nothing is told as held until they have run out. */
export class StoreRecoveringError extends StoreUnavailableError {
  override readonly name = 'StoreRecoveringError'
  override readonly code = 'STORE_RECOVERING'
  readonly guardMs: number

  constructor(guardMs: number) {
    super(`The store lost its data; nothing is granted for another ${guardMs} ms.`)
    this.guardMs = guardMs
  }
}
