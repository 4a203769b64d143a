import assert from 'node:assert/strict'
import type { GrantedLease } from '../../src/store.js'
import type { Answered } from './calls.js'
import type { Held, Known, Seen } from './known.js'
import { modelQueueMax } from './steps.js'

type AcquireAnswered = Extract<Answered, { to: 'acquire' }>

/** Takes the reply of one command into account, and judges it. */
export function applyReply(known: Known, seen: Seen): void {
  const { answered } = seen
  switch (answered.to) {
    case 'acquire':
      acquired(known, answered, seen)
      break
    case 'release':
      if (answered.reply.kind === 'released') known.leaseLeaves(answered.with.leaseId, answered.reply.permits)
      else assert.equal(known.held.has(answered.with.leaseId), false, 'a held lease was not released')
      if (answered.reply.kind === 'lease_not_held') {
        const waiter = known.queued(answered.with.leaseId)
        assert.ok(waiter === undefined || known.deadAtStart.has(waiter), 'a waiter was not cancelled')
      }
      if (answered.with.retire || answered.reply.kind === 'cancelled') {
        known.retiredUntilMs.set(answered.with.leaseId, known.nowMs + 60_000)
      }
      break
    case 'renew':
      renewed(known, answered)
      break
    case 'end':
      ended(known, answered)
      break
    case 'revoke': {
      const [id] = [...known.held].find(([, { fence }]) => fence === answered.with.fence) ?? []
      assert.equal(answered.reply.kind, id === undefined ? 'lease_not_held' : 'released')
      if (id !== undefined && answered.reply.kind === 'released') known.leaseLeaves(id, answered.reply.permits)
      break
    }
    case 'heartbeat':
      beaten(known, answered)
      break
    case 'reap':
      known.checkNearest(answered.reply.nearestInMs)
      known.setTimer(answered.replica, answered.reply.nearestInMs)
      break
    case 'remove':
      removed(known, answered)
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

function acquired(known: Known, answered: AcquireAnswered, seen: Seen): void {
  const { reply, with: call } = answered
  const isRetired = known.nowMs < (known.retiredUntilMs.get(call.leaseId) ?? 0)
  assert.equal(reply.kind === 'wait_cancelled', isRetired, 'a retired id is refused, and no other')
  if (!isRetired) checkRefusal(known, answered)
  created(known, answered)
  if (reply.kind === 'granted') granted(known, call, reply.lease, seen)
  if (reply.kind === 'queued') enqueued(known, answered, reply, seen)
  if (reply.kind !== 'busy') return
  // Who left the queue by this very call is told busy in any case, with leases still counted that are over but behind the batch.
  if (!known.isBatched || !known.hasLeft) {
    assert.ok(reply.waiting > 0 || reply.used + call.permits > reply.limit, 'busy, with room and nobody waiting')
    assert.equal(reply.used, known.used, 'I15: used is what is held')
  }
  known.checkNearest(reply.nearestInMs)
}

/** What is asked for is refused when it must be, by the first rule it breaks, and not otherwise; a repeat breaks none but its own. */
function checkRefusal(known: Known, { reply, with: call }: AcquireAnswered): void {
  const { create, permits, leaseId } = call
  const waiter = known.queued(leaseId)
  const lives = known.held.get(leaseId) ?? (waiter !== undefined && known.deadAtStart.has(waiter) ? undefined : waiter)
  // Left the queue in this step; dropped from it, perhaps.
  if (reply.kind === 'busy' || (waiter !== undefined && known.deadAtStart.has(waiter))) return
  const limit = known.limit ?? create?.limit ?? 0
  const isOther =
    create !== null && known.limit !== null && create.limit !== known.limit && create.limit !== known.initial
  const isOtherKind = create !== null && known.limit !== null && create.bounded !== known.bounded
  let expected: string | null = null
  if (lives !== undefined) expected = lives.permits === permits ? null : 'lease_id_conflict'
  else if (known.limit === null && create === null) expected = 'semaphore_not_found'
  else if (isOtherKind || (isOther && create.onConflict === 'error')) expected = 'limit_conflict'
  else if (permits > Math.max(limit, 1)) expected = 'permits_exceed_limit'
  else if (reply.kind === 'queue_full') expected = known.queue.length >= modelQueueMax ? 'queue_full' : null
  if (expected !== null) assert.equal(reply.kind, expected)
  else assert.ok(reply.kind === 'granted' || reply.kind === 'queued', `refused for nothing: ${JSON.stringify(reply)}`)
}

function created(known: Known, { reply, with: call }: AcquireAnswered): void {
  if (known.limit !== null || !['granted', 'queued', 'busy'].includes(reply.kind)) return
  assert.ok(call.create !== null, 'created without create')
  known.initial = call.create.limit
  known.limit = call.create.limit
  known.bounded = call.create.bounded
}

function granted(known: Known, call: AcquireAnswered['with'], lease: GrantedLease, seen: Seen): void {
  const before = known.held.get(call.leaseId)
  const attachment = nameOf(call.attachment)
  if (before === undefined) {
    assert.equal(
      known.queue.filter((waiter) => !known.deadAtStart.has(waiter)).length,
      0,
      'I3: a newcomer passed the queue',
    )
    assert.equal(seen.waiters.length, 0, 'I3: a newcomer was granted while somebody waits')
    assert.equal(lease.ttlMs, call.ttlMs)
    known.addLease(call.leaseId, lease, new Set([attachment]))
    return
  }
  const { permits, fence, deadlineMs } = lease
  assert.deepEqual({ permits, fence, deadlineMs }, withoutAttachments(before), 'I4: the same lease again')
  assert.equal(lease.expiresInMs, deadlineMs - known.nowMs)
  if (!before.attachments.has(attachment)) before.attachments.clear()
}

function enqueued(
  known: Known,
  { with: call }: AcquireAnswered,
  reply: Extract<AcquireAnswered['reply'], { kind: 'queued' }>,
  seen: Seen,
): void {
  const shown = seen.waiters.find(({ holder }) => holder === call.leaseId)
  const before = known.queued(call.leaseId)
  const keepsPlace = before !== undefined && (shown === undefined || shown.sinceMs === before.sinceMs)
  if (keepsPlace) before.attachments.add(nameOf(call.attachment))
  else {
    assert.ok(before === undefined || known.deadAtStart.has(before), `I4: ${call.leaseId} lost its place`)
    known.queue = known.queue.filter((waiter) => waiter !== before)
    const attachments = new Set([nameOf(call.attachment)])
    known.queue.push({ id: call.leaseId, permits: call.permits, sinceMs: known.nowMs, attachments })
  }
  assert.equal(reply.attachedAtMs, known.nowMs)
  // Listing the queue went on where a batch ended.
  if (shown !== undefined && !known.isBatched) assert.equal(reply.position, shown.position)
  known.heardMs.set(call.attachment.replica, known.nowMs)
  known.setTimer(call.attachment.replica, reply.nearestInMs)
}

function renewed(known: Known, { reply, with: call }: Extract<Answered, { to: 'renew' }>): void {
  const lease = known.held.get(call.leaseId)
  assert.equal(reply.kind, lease === undefined ? 'lease_not_held' : 'renewed')
  if (lease === undefined || reply.kind === 'lease_not_held') return
  lease.deadlineMs = Math.max(lease.deadlineMs, known.nowMs + call.ttlMs)
  assert.equal(reply.lease.deadlineMs, lease.deadlineMs, 'I7')
  assert.equal(reply.lease.fence, lease.fence)
  assert.equal(reply.lease.ttlMs, call.ttlMs)
}

function ended(known: Known, { reply, with: call }: Extract<Answered, { to: 'end' }>): void {
  if (reply.kind === 'left') return
  const attachment = nameOf(call.attachment)
  const lease = known.held.get(call.leaseId)
  const attached = lease ?? known.queued(call.leaseId)
  if (reply.kind === 'not_attached') {
    const isStillThere = attached?.attachments.has(attachment) === true
    assert.ok(!isStillThere || (lease === undefined && known.deadAtStart.size > 0))
    return
  }
  assert.equal(
    reply.kind === 'held',
    lease !== undefined && call.unlessHeld,
    'a wait that is over gives way to a lease',
  )
  if (reply.kind === 'held') {
    assert.equal(lease?.fence, reply.lease.fence)
    if (!lease.attachments.has(attachment)) lease.attachments.clear()
    return
  }
  assert.ok(attached?.attachments.has(attachment) === true, 'ended an attachment that was not there')
  attached.attachments.delete(attachment)
  assert.equal(
    attached.attachments.size === 0,
    reply.kind === 'returned',
    'the last attachment takes the lease along, no other',
  )
  if (reply.kind === 'returned') known.leaseLeaves(call.leaseId, lease?.permits ?? 0)
}

function beaten(known: Known, { reply, with: call }: Extract<Answered, { to: 'heartbeat' }>): void {
  for (const [index, { leaseId, number }] of call.open.entries()) {
    const attachment = nameOf({ replica: call.replica, number })
    const state = reply.states[index]
    const lease = known.held.get(leaseId)
    const waiter = known.queued(leaseId)
    if (lease?.attachments.has(attachment) === true) {
      assert.ok(state?.kind === 'granted' && state.lease.fence === lease.fence)
    } else if (state?.kind === 'unknown') {
      assert.ok(waiter?.attachments.has(attachment) !== true, 'a waiter whose replica just beat is unknown')
    } else {
      assert.ok(state?.kind === 'waiting' && waiter?.attachments.has(attachment) === true)
    }
  }
  known.checkNearest(reply.nearestInMs)
  known.setTimer(call.replica, reply.nearestInMs)
}

function removed(known: Known, { reply, with: call }: Extract<Answered, { to: 'remove' }>): void {
  if (reply.kind === 'semaphore_not_found') assert.equal(known.limit, null)
  else assert.equal(reply.kind, known.used > 0 && !call.force ? 'in_use' : 'removed')
  if (reply.kind !== 'removed') return
  known.held.clear()
  known.queue = []
  known.heardMs.clear()
  known.limit = null
}

export function nameOf({ replica, number }: { readonly replica: string; readonly number: number }): string {
  return `${replica}.${number}`
}

function withoutAttachments({ permits, fence, deadlineMs }: Held): Omit<Held, 'attachments'> {
  return { permits, fence, deadlineMs }
}
