import assert from 'node:assert/strict'
import type { Answered } from './calls.js'
import { Known, type Seen } from './known.js'
import { applyReply, nameOf } from './replies.js'
import { modelGraceMs } from './steps.js'

/**
 * Holds one semaphore to the invariants of docs/spec.md, step by step. It knows no transition: who is granted is taken from the store,
 * and whether that was allowed is judged here.
 */
export class Tracker {
  readonly #known: Known

  constructor(isBatched: boolean) {
    this.#known = new Known(isBatched)
  }

  /** @throws AssertionError for the first invariant that does not hold. */
  check(seen: Seen): void {
    const known = this.#known
    const { answered } = seen
    known.passTo(seen.nowMs)
    known.grants = 0
    const limitBefore = known.limit ?? 0
    if (answered.to === 'heartbeat' && known.queue.length > 0) known.heardMs.set(answered.with.replica, known.nowMs)
    known.deadAtStart = new Set(known.queue.filter((waiter) => known.isDead(waiter)))
    this.#waiterLeaves(answered)
    this.#limitChanges(answered)
    known.grantFromQueue(seen.told, answered.to)
    known.hearDeadlines(seen.told)
    applyReply(this.#known, seen)
    const isAsleep = !known.isBatched && seen.toldLater.some(({ notice }) => notice.kind === 'granted')
    assert.ok(!isAsleep, 'I8: the grant came with a later command, not with the one that made room')
    known.grantFromQueue(seen.toldLater, null)
    known.hearDeadlines(seen.toldLater)
    this.#compare(seen)
    const limit = Math.max(known.limit ?? 0, answered.to === 'configure' ? limitBefore : 0)
    if (known.grants > 0) assert.ok(known.used <= limit, `I1: ${known.used} permits held of ${limit}`)
    this.#checkQueueIsAwake()
  }

  /** A waiter that leaves by the command itself is not one that others overtook. */
  #waiterLeaves(answered: Answered): void {
    const known = this.#known
    const hasLeft =
      (answered.to === 'release' && answered.reply.kind === 'cancelled') ||
      (answered.to === 'end' && answered.reply.kind === 'left') ||
      (answered.to === 'acquire' && answered.reply.kind === 'busy')
    known.hasLeft = false
    if (!hasLeft) return
    const { leaseId } = answered.with
    const waiter = known.queued(leaseId)
    known.hasLeft = waiter !== undefined
    assert.ok(answered.to === 'acquire' || waiter !== undefined, `${leaseId} left a queue it was not in`)
    if (answered.to === 'end') assert.deepEqual([...(waiter?.attachments ?? [])], [nameOf(answered.with.attachment)])
    known.queue = known.queue.filter((other) => other !== waiter)
  }

  #limitChanges(answered: Answered): void {
    const known = this.#known
    if (answered.to === 'configure') {
      assert.equal(answered.reply.kind, known.limit === null ? 'created' : 'configured')
      if (known.limit === null) {
        known.initial = answered.with.limit
        known.bounded = true
      }
      known.limit = answered.with.limit
      known.bounded = answered.with.bounded ?? known.bounded
    }
    if (
      answered.to === 'addPermits' &&
      answered.reply.kind === 'state' &&
      !known.grownBy.has(answered.with.requestId)
    ) {
      known.grownBy.add(answered.with.requestId)
      known.limit = (known.limit ?? 0) + answered.with.permits
    }
  }

  /** What is listed is what is known; who is missing from the queue was dropped, as its head, for a reason. */
  #compare({ answered, state, leases, waiters }: Seen): void {
    const known = this.#known
    assert.equal(state?.limit ?? null, known.limit)
    assert.equal(state?.bounded ?? null, known.limit === null ? null : known.bounded)
    assert.equal(state?.used ?? 0, known.used, 'I15: used is what is held')
    known.grantsEver = state === null ? 0 : known.grantsEver + known.grants
    assert.equal(state?.grants ?? 0, known.grantsEver, 'I15: grants are those that were made')
    const shown = leases.map(({ holder, permits, fence, deadlineMs }) => [holder, permits, fence, deadlineMs])
    const held = [...known.held].map(([id, { permits, fence, deadlineMs }]) => [id, permits, fence, deadlineMs])
    assert.deepEqual(shown.sort(byFence), held.sort(byFence), 'I7, I15: the leases listed')
    const dropped = known.queue.filter((waiter) => !waiters.some(({ holder }) => holder === waiter.id))
    for (const waiter of dropped) {
      assert.ok(known.isDroppable(waiter, answered.to), `I10: ${waiter.id} was dropped alive`)
    }
    known.queue = known.queue.filter((waiter) => !dropped.includes(waiter))
    const ids = waiters.map(({ holder, permits, sinceMs }) => [holder, permits, sinceMs])
    assert.deepEqual(
      ids,
      known.queue.map(({ id, permits, sinceMs }) => [id, permits, sinceMs]),
      'I3: the queue listed',
    )
    assert.deepEqual(
      waiters.map(({ position }) => position),
      ids.map((_, index) => index + 1),
    )
    assert.equal(state?.waiting ?? 0, known.queue.length)
    assert.equal(state?.oldestWaitMs ?? 0, Math.max(known.nowMs - (known.queue[0]?.sinceMs ?? known.nowMs), 0))
  }

  /** After the listings have settled it. */
  #checkQueueIsAwake(): void {
    const known = this.#known
    const [head] = known.queue
    if (head === undefined) {
      known.timerMs.clear()
      return
    }
    const tooBig = known.queue.find(({ permits }) => permits > Math.max(known.limit ?? 0, 1))
    assert.equal(tooBig, undefined, 'waits for more than there will ever be')
    assert.equal(known.isDead(head), false, `I10: ${head.id} is dead and holds the queue`)
    assert.ok(known.used + head.permits > (known.limit ?? 0), `I8: ${head.id} fits and was not granted`)
    const nearestMs = known.nearestMs() ?? Infinity
    for (const replica of new Set(known.queue.flatMap(({ attachments }) => [...attachments].map(replicaOf)))) {
      if (known.nowMs >= (known.heardMs.get(replica) ?? 0) + modelGraceMs) continue
      const timerMs = known.timerMs.get(replica) ?? Infinity
      assert.ok(timerMs <= nearestMs, `I8: ${replica} looks at ${timerMs}, the queue can move at ${nearestMs}`)
    }
  }
}

function replicaOf(attachment: string): string {
  return attachment.split('.')[0] ?? ''
}

function byFence(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  return Number(a[2]) - Number(b[2])
}
