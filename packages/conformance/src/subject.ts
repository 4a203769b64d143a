import type {
  AcquireOutcome as EngineOutcome,
  AddPermitsReply,
  ConfigureReply,
  Creation,
  RemoveReply,
  SemaphoreState,
} from '@signalbox/engine'

/** One request for permits, as a caller words it. */
export interface AcquireCall {
  readonly semaphore: string
  /** A lower-case UUID. A subject that lacks `lease ids` makes one of its own and tells it with the lease. */
  readonly leaseId: string
  readonly permits: number
  readonly ttlMs: number
  readonly waitMs: number
  readonly holder: string
  readonly create: Creation | null
}

/** A lease as a caller sees it. */
export interface Lease {
  readonly leaseId: string
  readonly permits: number
  readonly fence: number
  readonly ttlMs: number
  readonly expiresInMs: number
  readonly waitedMs: number
  /** Null also where a subject cannot tell. */
  readonly limitMismatch: number | null
}

export type AcquireOutcome =
  | { readonly kind: 'granted'; readonly lease: Lease }
  | { readonly kind: 'still_waiting'; readonly position: number }
  | { readonly kind: Exclude<EngineOutcome['kind'], 'granted' | 'still_waiting'> }

/** An acquire under way. */
export interface Opened {
  readonly outcome: Promise<AcquireOutcome>
  /** The caller goes away: its connection closes, its signal aborts. Without effect once the outcome was delivered. */
  close(): void
}

type Kind<Reply extends { readonly kind: string }> = { readonly kind: Reply['kind'] }
type NotFound = { readonly kind: 'semaphore_not_found' }

/** What every caller is shown. */
export type ShownState = Omit<SemaphoreState, 'grants'>
export type State = { readonly kind: 'state'; readonly state: ShownState }
export type Renewed = { readonly kind: 'renewed'; readonly expiresInMs: number; readonly fence: number }
export type Released = { readonly kind: 'released' | 'cancelled'; readonly permits: number }
export type NotHeld = { readonly kind: 'lease_not_held' }

export interface ListedLease {
  readonly fence: number
  readonly permits: number
  readonly holder: string
  readonly heldMs: number
  readonly expiresInMs: number
}

export interface ListedWaiter {
  readonly position: number
  readonly permits: number
  readonly holder: string
  readonly waitedMs: number
}

export interface Page<Item> {
  readonly kind: 'page'
  readonly items: readonly Item[]
  readonly nextCursor: string | null
}

export interface PageCall {
  readonly semaphore: string
  readonly cursor: string | null
  readonly pageSize: number
}

/**
 * What the suite asks of an implementation, be it an engine, a service or a client of one: every outcome is a value with a `kind`, and a
 * promise rejects for faults alone (and for a cursor that was not given out).
 */
export interface Subject {
  acquire(call: AcquireCall): Opened
  release(call: { semaphore: string; leaseId: string; retire: boolean }): Promise<Released | NotHeld>
  renew(call: { semaphore: string; leaseId: string; ttlMs: number }): Promise<Renewed | NotHeld>
  configure(call: { semaphore: string; limit: number; bounded: boolean | null }): Promise<Kind<ConfigureReply>>
  addPermits(call: { semaphore: string; permits: number; requestId: string }): Promise<Kind<AddPermitsReply>>
  remove(call: { semaphore: string; force: boolean }): Promise<Kind<RemoveReply>>
  inspect(semaphore: string): Promise<State | NotFound>
  leases(call: PageCall): Promise<Page<ListedLease> | NotFound>
  waiters(call: PageCall): Promise<Page<ListedWaiter> | NotFound>
  revoke(call: { semaphore: string; fence: number }): Promise<{ kind: 'released'; permits: number } | NotHeld>
  semaphores(call: { prefix: string; cursor: string | null; pageSize: number }): Promise<Omit<Page<ShownState>, 'kind'>>
}

/** What a subject cannot do; the tests that need it are skipped. */
export type Lack =
  /** The caller does not name its leases, so it cannot repeat, cancel or retire by id. */
  | 'lease ids'
  /** Every acquire creates what is not there. */
  | 'acquire without create'
  /** A wait longer than the cap is not seen. */
  | 'still waiting'
  /** A caller's idea of the limit is told otherwise than with the lease. */
  | 'limit mismatch'
  /** What is left in the store cannot be counted. */
  | 'residue'

export interface SuiteSettings {
  readonly capMs: number
  readonly graceMs: number
  readonly heartbeatMs: number
  readonly idleMs: number
  readonly queueMax: number
  readonly limitMax: number
}

/** Two replicas (or two clients) of one store that nobody else uses. */
export interface Place {
  readonly one: Subject
  readonly other: Subject
  /** Keys, or whatever else the store has left. */
  residue(): Promise<number>
  close(): Promise<void>
}

export interface Factory {
  readonly lacks: readonly Lack[]
  open(settings: SuiteSettings): Promise<Place>
}
