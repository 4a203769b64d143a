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

interface Held {
  readonly permits: number
  readonly fence: number
  deadlineMs: number
  readonly attachments: Set<string>
}

interface Queued {
  readonly id: string
  readonly permits: number
  readonly sinceMs: number
  readonly attachments: Set<string>
}

type AcquireAnswered = Extract<Answered, { to: 'acquire' }>

/**
 * What one semaphore must be like, worked out from calls, replies and notices alone and held against what is listed. It knows no
 * transition: who is granted is taken from the store, and whether that was allowed is judged here.
 */
export class Tracker {
  readonly #held = new Map<string, Held>()
  #queue: Queued[] = []
  readonly #heardMs = new Map<string, number>()
  /** When each replica will look at the queue by itself, whatever it is told or not told from here on. */
  readonly #timerMs = new Map<string, number>()
  readonly #retiredUntilMs = new Map<string, number>()
  readonly #grownBy = new Set<string>()
  readonly #isBatched: boolean
  #limit: number | null = null
  #lastFence = 0
  #nowMs = 0
  #grants = 0
  /** Whose replicas were all dead when the step began: it may have been dropped before the step revived one of them. */
  #deadAtStart = new Set<Queued>()

  /** `isBatched`: batches may end before the work does, so "now" is a possible nearest deadline. */
  constructor(isBatched: boolean) {
    this.#isBatched = isBatched
  }

  /** @throws AssertionError for the first invariant that does not hold. */
  check(seen: Seen): void {
    const { answered } = seen
    this.#nowMs = seen.nowMs
    this.#grants = 0
    for (const [id, lease] of this.#held) if (lease.deadlineMs <= this.#nowMs) this.#held.delete(id)
    const limitBefore = this.#limit ?? 0
    if (answered.to === 'heartbeat' && this.#queue.length > 0) this.#heardMs.set(answered.with.replica, this.#nowMs)
    this.#deadAtStart = new Set(this.#queue.filter((waiter) => this.#isDead(waiter)))
    this.#waiterLeaves(answered)
    this.#limitChanges(answered)
    this.#grantFromQueue(seen.told, answered.to)
    this.#hearDeadlines(seen.told)
    this.#reply(seen)
    this.#grantFromQueue(seen.toldLater, null)
    this.#hearDeadlines(seen.toldLater)
    this.#compare(seen)
    const limit = Math.max(this.#limit ?? 0, answered.to === 'configure' ? limitBefore : 0)
    if (this.#grants > 0) assert.ok(this.#used <= limit, `I1: ${this.#used} permits held of ${limit}`)
    this.#checkQueueIsAwake()
  }

  get #used(): number {
    return [...this.#held.values()].reduce((sum, { permits }) => sum + permits, 0)
  }

  #graceDeadlineMs(waiter: Queued): number {
    const heard = [...waiter.attachments].map((one) => this.#heardMs.get(one.split('.')[0] ?? '') ?? 0)
    return Math.max(...heard) + modelGraceMs
  }

  #isDead(waiter: Queued): boolean {
    return this.#graceDeadlineMs(waiter) <= this.#nowMs
  }

  /** Whether the store may have dropped the waiter in silence. */
  #isDroppable(waiter: Queued, by: Answered['to'] | null): boolean {
    return this.#deadAtStart.has(waiter) || (by === 'configure' && waiter.permits > Math.max(this.#limit ?? 0, 1))
  }

  #queued(id: string): Queued | undefined {
    return this.#queue.find((waiter) => waiter.id === id)
  }

  /** A waiter that leaves by the command itself is not one that others overtook. */
  #waiterLeaves(answered: Answered): void {
    const hasLeft =
      (answered.to === 'release' && answered.reply.kind === 'cancelled') ||
      (answered.to === 'end' && answered.reply.kind === 'left') ||
      (answered.to === 'acquire' && answered.reply.kind === 'busy')
    if (!hasLeft) return
    const { leaseId } = answered.with
    const waiter = this.#queued(leaseId)
    assert.ok(answered.to === 'acquire' || waiter !== undefined, `${leaseId} left a queue it was not in`)
    if (answered.to === 'end') assert.deepEqual([...(waiter?.attachments ?? [])], [nameOf(answered.with.attachment)])
    this.#queue = this.#queue.filter((other) => other !== waiter)
  }

  #limitChanges(answered: Answered): void {
    if (answered.to === 'configure') {
      assert.equal(answered.reply.kind, this.#limit === null ? 'created' : 'configured')
      this.#limit = answered.with.limit
    }
    if (
      answered.to === 'addPermits' &&
      answered.reply.kind === 'state' &&
      !this.#grownBy.has(answered.with.requestId)
    ) {
      this.#grownBy.add(answered.with.requestId)
      this.#limit = (this.#limit ?? 0) + answered.with.permits
    }
  }

  #grantFromQueue(told: readonly Told[], by: Answered['to'] | null): void {
    const grants = new Map<number, { id: string; lease: GrantedLease }>()
    for (const { notice } of told) {
      if (notice.kind === 'granted') grants.set(notice.lease.fence, { id: notice.leaseId, lease: notice.lease })
    }
    for (const { id, lease } of [...grants.values()].sort((a, b) => a.lease.fence - b.lease.fence)) {
      const place = this.#queue.findIndex((waiter) => waiter.id === id)
      const waiter = this.#queue[place]
      assert.ok(waiter !== undefined, `${id} was granted from a queue that it was not in`)
      assert.equal(this.#isDead(waiter), false, `I10: ${id} was granted, though all its replicas are dead`)
      const live = this.#queue.slice(0, place).find((ahead) => !this.#isDroppable(ahead, by))
      assert.equal(live, undefined, `I3: ${id} was granted before one that lives and came first`)
      this.#queue = this.#queue.slice(place + 1)
      assert.equal(lease.permits, waiter.permits)
      assert.equal(lease.expiresInMs, lease.ttlMs, 'I13: a queued grant has its whole ttl')
      this.#addLease(id, lease, waiter.attachments)
    }
  }

  #addLease(id: string, lease: GrantedLease, attachments: Set<string>): void {
    assert.ok(lease.fence > this.#lastFence, `I5: fence ${lease.fence} after ${this.#lastFence}`)
    assert.equal(this.#held.has(id), false, `I4: ${id} was granted twice`)
    assert.equal(lease.grantedAtMs, this.#nowMs)
    assert.equal(lease.deadlineMs, this.#nowMs + lease.ttlMs)
    this.#lastFence = lease.fence
    this.#grants += 1
    this.#held.set(id, { permits: lease.permits, fence: lease.fence, deadlineMs: lease.deadlineMs, attachments })
  }

  #hearDeadlines(told: readonly Told[]): void {
    for (const { replica, notice } of told) {
      if (notice.kind !== 'deadline') continue
      this.#timerMs.set(replica, Math.min(this.#timerMs.get(replica) ?? Infinity, this.#nowMs + notice.inMs))
    }
  }

  #setTimer(replica: string, nearestInMs: number | null): void {
    this.#timerMs.set(replica, nearestInMs === null ? Infinity : this.#nowMs + nearestInMs)
  }

  #reply(seen: Seen): void {
    const { answered } = seen
    switch (answered.to) {
      case 'acquire':
        this.#acquired(answered, seen)
        break
      case 'release':
        if (answered.reply.kind === 'released') this.#leaseLeaves(answered.with.leaseId, answered.reply.permits)
        else assert.equal(this.#held.has(answered.with.leaseId), false, 'a held lease was not released')
        if (answered.with.retire || answered.reply.kind === 'cancelled') {
          this.#retiredUntilMs.set(answered.with.leaseId, this.#nowMs + 60_000)
        }
        break
      case 'renew':
        this.#renewed(answered)
        break
      case 'end':
        this.#ended(answered)
        break
      case 'revoke': {
        const [id] = [...this.#held].find(([, { fence }]) => fence === answered.with.fence) ?? []
        assert.equal(answered.reply.kind, id === undefined ? 'lease_not_held' : 'released')
        if (id !== undefined && answered.reply.kind === 'released') this.#leaseLeaves(id, answered.reply.permits)
        break
      }
      case 'heartbeat':
        this.#beaten(answered)
        break
      case 'reap':
        this.#checkNearest(answered.reply.nearestInMs)
        this.#setTimer(answered.replica, answered.reply.nearestInMs)
        break
      case 'remove':
        this.#removed(answered)
        break
      case 'configure':
      case 'addPermits':
      case 'inspect':
      case 'leases':
      case 'waiters':
      case 'semaphores':
        break
    }
  }

  #acquired(answered: AcquireAnswered, seen: Seen): void {
    const { reply, with: call } = answered
    const isRetired = this.#nowMs < (this.#retiredUntilMs.get(call.leaseId) ?? 0)
    assert.equal(reply.kind === 'wait_cancelled', isRetired, 'a retired id is refused, and no other')
    if (reply.kind === 'granted') return this.#granted(call, reply.lease, seen)
    if (reply.kind === 'queued') return this.#enqueued(answered, reply, seen)
    if (reply.kind === 'semaphore_not_found') assert.equal(this.#limit, null)
    if (reply.kind !== 'busy') return
    this.#limit ??= call.create?.limit ?? 0
    assert.ok(reply.waiting > 0 || reply.used + call.permits > reply.limit, 'busy, with room and nobody waiting')
    assert.equal(reply.used, this.#used, 'I15: used is what is held')
    this.#checkNearest(reply.nearestInMs)
  }

  #granted(call: AcquireAnswered['with'], lease: GrantedLease, seen: Seen): void {
    this.#limit ??= call.create?.limit ?? 0
    const known = this.#held.get(call.leaseId)
    const attachment = nameOf(call.attachment)
    if (known === undefined) {
      assert.equal(
        this.#queue.filter((waiter) => !this.#deadAtStart.has(waiter)).length,
        0,
        'I3: a newcomer passed the queue',
      )
      assert.equal(seen.waiters.length, 0, 'I3: a newcomer was granted while somebody waits')
      assert.equal(lease.ttlMs, call.ttlMs)
      this.#addLease(call.leaseId, lease, new Set([attachment]))
      return
    }
    const { permits, fence, deadlineMs } = lease
    assert.deepEqual({ permits, fence, deadlineMs }, withoutAttachments(known), 'I4: the same lease again')
    assert.equal(lease.expiresInMs, deadlineMs - this.#nowMs)
    if (!known.attachments.has(attachment)) known.attachments.clear()
  }

  #enqueued(
    { with: call }: AcquireAnswered,
    reply: Extract<AcquireAnswered['reply'], { kind: 'queued' }>,
    seen: Seen,
  ): void {
    this.#limit ??= call.create?.limit ?? 0
    const shown = seen.waiters.find(({ holder }) => holder === call.leaseId)
    const known = this.#queued(call.leaseId)
    const keepsPlace = known !== undefined && (shown === undefined || shown.sinceMs === known.sinceMs)
    if (keepsPlace) known.attachments.add(nameOf(call.attachment))
    else {
      assert.ok(known === undefined || this.#deadAtStart.has(known), `I4: ${call.leaseId} lost its place`)
      this.#queue = this.#queue.filter((waiter) => waiter !== known)
      const attachments = new Set([nameOf(call.attachment)])
      this.#queue.push({ id: call.leaseId, permits: call.permits, sinceMs: this.#nowMs, attachments })
    }
    assert.equal(reply.attachedAtMs, this.#nowMs)
    if (shown !== undefined && seen.toldLater.length === 0) assert.equal(reply.position, shown.position)
    this.#heardMs.set(call.attachment.replica, this.#nowMs)
    this.#setTimer(call.attachment.replica, reply.nearestInMs)
  }

  #renewed({ reply, with: call }: Extract<Answered, { to: 'renew' }>): void {
    const lease = this.#held.get(call.leaseId)
    assert.equal(reply.kind, lease === undefined ? 'lease_not_held' : 'renewed')
    if (lease === undefined || reply.kind === 'lease_not_held') return
    lease.deadlineMs = Math.max(lease.deadlineMs, this.#nowMs + call.ttlMs)
    assert.equal(reply.lease.deadlineMs, lease.deadlineMs, 'I7')
    assert.equal(reply.lease.fence, lease.fence)
    assert.equal(reply.lease.ttlMs, call.ttlMs)
  }

  #ended({ reply, with: call }: Extract<Answered, { to: 'end' }>): void {
    if (reply.kind === 'left') return
    const attachment = nameOf(call.attachment)
    const lease = this.#held.get(call.leaseId)
    const known = lease ?? this.#queued(call.leaseId)
    if (reply.kind === 'not_attached') {
      const isStillThere = known?.attachments.has(attachment) === true
      assert.ok(!isStillThere || (lease === undefined && this.#queue.some((waiter) => this.#isDead(waiter))))
      return
    }
    assert.ok(known?.attachments.has(attachment) === true, 'ended an attachment that was not there')
    if (reply.kind === 'held') {
      assert.ok(call.unlessHeld && lease?.fence === reply.lease.fence)
      return
    }
    known.attachments.delete(attachment)
    assert.equal(
      known.attachments.size === 0,
      reply.kind === 'returned',
      'the last attachment takes the lease along, no other',
    )
    if (reply.kind === 'returned') this.#leaseLeaves(call.leaseId, lease?.permits ?? 0)
  }

  #leaseLeaves(id: string, permits: number): void {
    const lease = this.#held.get(id)
    assert.ok(lease !== undefined, `${id} was given back, and was not held`)
    assert.equal(permits, lease.permits)
    this.#held.delete(id)
  }

  #beaten({ reply, with: call }: Extract<Answered, { to: 'heartbeat' }>): void {
    for (const [index, { leaseId, number }] of call.open.entries()) {
      const attachment = nameOf({ replica: call.replica, number })
      const state = reply.states[index]
      const lease = this.#held.get(leaseId)
      const waiter = this.#queued(leaseId)
      if (lease?.attachments.has(attachment) === true) {
        assert.ok(state?.kind === 'granted' && state.lease.fence === lease.fence)
      } else if (state?.kind === 'unknown') {
        assert.ok(waiter?.attachments.has(attachment) !== true, 'a waiter whose replica just beat is unknown')
      } else {
        assert.ok(state?.kind === 'waiting' && waiter?.attachments.has(attachment) === true)
      }
    }
    this.#checkNearest(reply.nearestInMs)
    this.#setTimer(call.replica, reply.nearestInMs)
  }

  #removed({ reply, with: call }: Extract<Answered, { to: 'remove' }>): void {
    if (reply.kind === 'semaphore_not_found') assert.equal(this.#limit, null)
    else assert.equal(reply.kind, this.#used > 0 && !call.force ? 'in_use' : 'removed')
    if (reply.kind !== 'removed') return
    this.#held.clear()
    this.#queue = []
    this.#heardMs.clear()
    this.#limit = null
  }

  /** What is listed is what is known; who is missing from the queue was dropped, as its head, for a reason. */
  #compare({ answered, state, leases, waiters }: Seen): void {
    assert.equal(state?.limit ?? null, this.#limit)
    assert.equal(state?.used ?? 0, this.#used, 'I15: used is what is held')
    const shown = leases.map(({ holder, permits, fence, deadlineMs }) => [holder, permits, fence, deadlineMs])
    const held = [...this.#held].map(([id, { permits, fence, deadlineMs }]) => [id, permits, fence, deadlineMs])
    assert.deepEqual(shown.sort(byFence), held.sort(byFence), 'I7, I15: the leases listed')
    const dropped = this.#queue.filter((waiter) => !waiters.some(({ holder }) => holder === waiter.id))
    for (const waiter of dropped) {
      assert.ok(this.#isDroppable(waiter, answered.to), `I10: ${waiter.id} was dropped alive`)
    }
    this.#queue = this.#queue.filter((waiter) => !dropped.includes(waiter))
    const ids = waiters.map(({ holder, permits, sinceMs }) => [holder, permits, sinceMs])
    assert.deepEqual(
      ids,
      this.#queue.map(({ id, permits, sinceMs }) => [id, permits, sinceMs]),
      'I3: the queue listed',
    )
    assert.deepEqual(
      waiters.map(({ position }) => position),
      ids.map((_, index) => index + 1),
    )
    assert.equal(state?.waiting ?? 0, this.#queue.length)
    assert.equal(state?.oldestWaitMs ?? 0, this.#nowMs - (this.#queue[0]?.sinceMs ?? this.#nowMs))
  }

  #nearestMs(): number | null {
    const deadlines = [...this.#held.values()].map(({ deadlineMs }) => deadlineMs)
    const [head] = this.#queue.filter((waiter) => !this.#isDead(waiter))
    if (head !== undefined) deadlines.push(this.#graceDeadlineMs(head))
    return deadlines.length === 0 ? null : Math.min(...deadlines)
  }

  #checkNearest(nearestInMs: number | null): void {
    if (this.#isBatched && nearestInMs === 0) return
    const nearestMs = this.#nearestMs()
    assert.equal(nearestInMs, nearestMs === null ? null : nearestMs - this.#nowMs, 'I8: the nearest deadline')
  }

  /** After the listings have settled it. */
  #checkQueueIsAwake(): void {
    const [head] = this.#queue
    if (head === undefined) {
      this.#timerMs.clear()
      return
    }
    assert.equal(this.#isDead(head), false, `I10: ${head.id} is dead and holds the queue`)
    assert.ok(this.#used + head.permits > (this.#limit ?? 0), `I8: ${head.id} fits and was not granted`)
    const nearestMs = this.#nearestMs() ?? Infinity
    for (const replica of new Set(this.#queue.flatMap(({ attachments }) => [...attachments].map(replicaOf)))) {
      if (this.#nowMs >= (this.#heardMs.get(replica) ?? 0) + modelGraceMs) continue
      const timerMs = this.#timerMs.get(replica) ?? Infinity
      assert.ok(timerMs <= nearestMs, `I8: ${replica} looks at ${timerMs}, the queue can move at ${nearestMs}`)
    }
  }
}

function nameOf({ replica, number }: { readonly replica: string; readonly number: number }): string {
  return `${replica}.${number}`
}

function replicaOf(attachment: string): string {
  return attachment.split('.')[0] ?? ''
}

function withoutAttachments({ permits, fence, deadlineMs }: Held): Omit<Held, 'attachments'> {
  return { permits, fence, deadlineMs }
}

function byFence(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  return Number(a[2]) - Number(b[2])
}
