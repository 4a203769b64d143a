import assert from 'node:assert/strict'
import type { GrantedLease, LeaseView, Notice, SemaphoreState, WaiterView } from '../../src/store.js'
import type { Answered } from './calls.js'
import { modelGraceMs } from './steps.js'

export interface Told {
  readonly replica: string
  readonly notice: Notice
}

/** One step as it was seen from outside. */
export interface Seen {
  readonly nowMs: number
  readonly answered: Answered
  /** Told while the command ran, and while the listings after it were read (they settle, too). */
  readonly told: readonly Told[]
  readonly toldLater: readonly Told[]
  readonly state: SemaphoreState | null
  readonly leases: readonly LeaseView[]
  readonly waiters: readonly WaiterView[]
}

export interface Held {
  readonly permits: number
  readonly fence: number
  deadlineMs: number
  readonly attachments: Set<string>
}

export interface Queued {
  readonly id: string
  readonly permits: number
  readonly sinceMs: number
  readonly attachments: Set<string>
}

/** What is known of one semaphore from calls, replies and notices alone, and what may happen to it. */
export class Known {
  readonly held = new Map<string, Held>()
  queue: Queued[] = []
  readonly heardMs = new Map<string, number>()
  /** When each replica will look at the queue by itself, whatever it is told or not told from here on. */
  readonly timerMs = new Map<string, number>()
  readonly retiredUntilMs = new Map<string, number>()
  readonly grownBy = new Set<string>()
  limit: number | null = null
  /** The limit at creation, and the kind. */
  initial = 0
  bounded = true
  nowMs = 0
  /** The id of this step's command left the queue by it. */
  hasLeft = false
  /** Grants of this step. */
  grants = 0
  /** Grants since the semaphore was created. */
  grantsEver = 0
  /** Whose replicas were all dead when the step began: it may have been dropped before the step revived one of them. */
  deadAtStart = new Set<Queued>()
  readonly isBatched: boolean
  #lastFence = 0

  /** `isBatched`: batches may end before the work does, so "now" is a possible nearest deadline. */
  constructor(isBatched: boolean) {
    this.isBatched = isBatched
  }

  /** Nothing is left of a removed semaphore to know its fences by once the clock has passed them: then a step back lets them fall. */
  passTo(nowMs: number): void {
    const isPassed = nowMs * 1_000 > this.#lastFence
    if (this.limit === null && (isPassed || nowMs < this.nowMs)) this.#lastFence = 0
    this.nowMs = nowMs
    for (const [id, lease] of this.held) if (lease.deadlineMs <= nowMs) this.held.delete(id)
  }

  get used(): number {
    return [...this.held.values()].reduce((sum, { permits }) => sum + permits, 0)
  }

  graceDeadlineMs(waiter: Queued): number {
    const heard = [...waiter.attachments].map((one) => this.heardMs.get(one.split('.')[0] ?? '') ?? 0)
    return Math.max(...heard) + modelGraceMs
  }

  isDead(waiter: Queued): boolean {
    return this.graceDeadlineMs(waiter) <= this.nowMs
  }

  /** Whether the store may have dropped the waiter in silence. */
  isDroppable(waiter: Queued, by: Answered['to'] | null): boolean {
    return (
      this.deadAtStart.has(waiter) ||
      this.isDead(waiter) ||
      (by === 'configure' && waiter.permits > Math.max(this.limit ?? 0, 1))
    )
  }

  queued(id: string): Queued | undefined {
    return this.queue.find((waiter) => waiter.id === id)
  }

  grantFromQueue(told: readonly Told[], by: Answered['to'] | null): void {
    const grants = new Map<number, { id: string; lease: GrantedLease }>()
    for (const { notice } of told) {
      if (notice.kind === 'granted') grants.set(notice.lease.fence, { id: notice.leaseId, lease: notice.lease })
    }
    for (const { id, lease } of [...grants.values()].sort((a, b) => a.lease.fence - b.lease.fence)) {
      const place = this.queue.findIndex((waiter) => waiter.id === id)
      const waiter = this.queue[place]
      assert.ok(waiter !== undefined, `${id} was granted from a queue that it was not in`)
      assert.equal(this.isDead(waiter), false, `I10: ${id} was granted, though all its replicas are dead`)
      const live = this.queue.slice(0, place).find((ahead) => !this.isDroppable(ahead, by))
      assert.equal(live, undefined, `I3: ${id} was granted before one that lives and came first`)
      this.queue = this.queue.slice(place + 1)
      assert.equal(lease.permits, waiter.permits)
      assert.equal(lease.expiresInMs, lease.ttlMs, 'I13: a queued grant has its whole ttl')
      this.addLease(id, lease, waiter.attachments)
    }
  }

  addLease(id: string, lease: GrantedLease, attachments: Set<string>): void {
    assert.ok(lease.fence > this.#lastFence, `I5: fence ${lease.fence} after ${this.#lastFence}`)
    assert.equal(this.held.has(id), false, `I4: ${id} was granted twice`)
    assert.equal(lease.grantedAtMs, this.nowMs)
    assert.equal(lease.deadlineMs, this.nowMs + lease.ttlMs)
    this.#lastFence = lease.fence
    this.grants += 1
    this.held.set(id, { permits: lease.permits, fence: lease.fence, deadlineMs: lease.deadlineMs, attachments })
  }

  leaseLeaves(id: string, permits: number): void {
    const lease = this.held.get(id)
    assert.ok(lease !== undefined, `${id} was given back, and was not held`)
    assert.equal(permits, lease.permits)
    this.held.delete(id)
  }

  hearDeadlines(told: readonly Told[]): void {
    for (const { replica, notice } of told) {
      if (notice.kind !== 'deadline') continue
      this.timerMs.set(replica, Math.min(this.timerMs.get(replica) ?? Infinity, this.nowMs + notice.inMs))
    }
  }

  setTimer(replica: string, nearestInMs: number | null): void {
    this.timerMs.set(replica, nearestInMs === null ? Infinity : this.nowMs + nearestInMs)
  }

  nearestMs(): number | null {
    const deadlines = [...this.held.values()].map(({ deadlineMs }) => deadlineMs)
    const [head] = this.queue.filter((waiter) => !this.isDead(waiter))
    if (head !== undefined) deadlines.push(this.graceDeadlineMs(head))
    return deadlines.length === 0 ? null : Math.min(...deadlines)
  }

  checkNearest(nearestInMs: number | null): void {
    if (this.isBatched && nearestInMs === 0) return
    const nearestMs = this.nearestMs()
    assert.equal(nearestInMs, nearestMs === null ? null : nearestMs - this.nowMs, 'I8: the nearest deadline')
  }
}
