import type { GrantedLease, LimitMismatch, Creation, SemaphoreState } from '../store.js'
import { ArrivalQueue, type Arrived } from './arrival-queue.js'
import type { Attachments } from './attachments.js'
import { DeadlineHeap, type Timed } from './deadline-heap.js'

/** Permits held until a deadline. It counts until it is expired or taken back; it is held only while now < deadlineMs. */
export interface Lease extends Timed {
  readonly permits: number
  readonly fence: number
  readonly holder: string
  readonly grantedAtMs: number
  ttlMs: number
  attachments: Attachments
}

/** An acquire that is queued, under the id of its future lease. */
export interface Waiter extends Arrived {
  readonly id: string
  readonly permits: number
  readonly ttlMs: number
  readonly holder: string
  readonly sinceMs: number
  attachments: Attachments
}

/** The state of one semaphore. It decides nothing: the transitions do. */
export class Semaphore {
  readonly name: string
  readonly initial: number
  limit: number
  bounded: boolean
  /** Defined by an operator: never idles away. */
  configured = false
  fence: number
  /** The nearest deadline that the replicas with waiters were told last. */
  toldMs: number | null = null
  /** When it was last used: the last grant, release, departure or, for a lease that ran out, its deadline. */
  lastUseMs: number
  readonly leases = new Map<string, Lease>()
  readonly deadlines = new DeadlineHeap<Lease>()
  readonly waiters = new Map<string, Waiter>()
  readonly queue = new ArrivalQueue<Waiter>()
  /** The last heartbeat of each replica; empty while nobody waits. */
  readonly replicas = new Map<string, number>()
  #held = 0
  #overdue = 0
  #arrivals = 0
  #grants = 0

  constructor(start: { name: string; limit: number; bounded: boolean; fence: number; nowMs: number }) {
    this.name = start.name
    this.initial = start.limit
    this.limit = start.limit
    this.bounded = start.bounded
    this.fence = start.fence
    this.lastUseMs = start.nowMs
  }

  /** Permits of all leases not yet expired or counted out. */
  get used(): number {
    return this.#held - this.#overdue
  }

  /** Permits of leases that are over and counted out, but not yet removed. */
  get overdue(): number {
    return this.#overdue
  }

  /**
   * Counts out what is over. False where finding out how many permits that is would be too much for one transition: Redis keeps no sum, so
   * more than `readMax` leases that live and do not all have one permit cannot be added up.
   */
  countOut(nowMs: number, readMax: number): boolean {
    const living = this.leases.size - this.deadlines.overAt(nowMs).count
    if (this.#held !== this.leases.size && living > readMax) return false
    this.#overdue = 0
    for (const { deadlineMs, permits } of this.leases.values()) if (deadlineMs <= nowMs) this.#overdue += permits
    return true
  }

  /** Takes back what `countOut` did: time has gone on. */
  countAll(): void {
    this.#overdue = 0
  }

  hasRoomFor(permits: number): boolean {
    return this.used + permits <= this.limit
  }

  isTooMany(permits: number): boolean {
    return permits > Math.max(this.limit, 1)
  }

  heldLease(id: string, nowMs: number): Lease | undefined {
    const lease = this.leases.get(id)
    return lease !== undefined && nowMs < lease.deadlineMs ? lease : undefined
  }

  addLease(lease: Lease): void {
    this.leases.set(lease.id, lease)
    this.deadlines.add(lease)
    this.#held += lease.permits
    this.#grants += 1
    this.lastUseMs = Math.max(this.lastUseMs, lease.grantedAtMs)
  }

  removeLease(lease: Lease, atMs: number): void {
    this.leases.delete(lease.id)
    this.deadlines.remove(lease)
    this.#held -= lease.permits
    this.lastUseMs = Math.max(this.lastUseMs, atMs)
  }

  addWaiter(waiter: Omit<Waiter, 'arrival'>): Waiter {
    this.#arrivals += 1
    const arrived = { ...waiter, arrival: this.#arrivals }
    this.waiters.set(arrived.id, arrived)
    this.queue.push(arrived)
    return arrived
  }

  removeWaiter(waiter: Waiter, atMs: number): void {
    this.waiters.delete(waiter.id)
    this.queue.remove(waiter)
    this.lastUseMs = Math.max(this.lastUseMs, atMs)
  }

  /** 1: next. */
  positionOf(waiter: Waiter): number {
    return this.queue.countBefore(waiter.arrival) + 1
  }

  mismatchWith(create: Creation | null): LimitMismatch {
    return create === null || create.limit === this.initial || create.limit === this.limit ? null : this.limit
  }

  stateAt(nowMs: number): SemaphoreState {
    const head = this.queue.head
    return {
      name: this.name,
      limit: this.limit,
      bounded: this.bounded,
      used: this.used,
      waiting: this.waiters.size,
      oldestWaitMs: head === undefined ? 0 : Math.max(nowMs - head.sinceMs, 0),
      grants: this.#grants,
    }
  }
}

export function grantedLease(lease: Lease, nowMs: number): GrantedLease {
  const { permits, fence, ttlMs, grantedAtMs, deadlineMs } = lease
  return { permits, fence, ttlMs, grantedAtMs, deadlineMs, expiresInMs: deadlineMs - nowMs }
}
