import type { AcquireCall, AcquireReply, Refusal } from '../store.js'
import { isAttached, without } from './attachments.js'
import { grantedLease, type Lease, type Semaphore, type Waiter } from './semaphore.js'
import { enter, grant, moveQueue } from './settle.js'
import { again, type Again, type Transition } from './transition.js'

/** Grant, queue or refuse. A repeat is answered before every check of what is asked for. */
export function acquire(transition: Transition, call: AcquireCall): AcquireReply | Again {
  const semaphore = enter(transition, call.semaphore)
  if (transition.catalogue.isRetired(call.semaphore, call.leaseId, transition.nowMs)) return { kind: 'wait_cancelled' }
  const lease = semaphore?.heldLease(call.leaseId, transition.nowMs)
  if (semaphore !== undefined && lease !== undefined) return repeatHeld(transition, semaphore, lease, call)
  // A lease of this very id that is over but behind the batch: a new one in its place would hide its permits for ever.
  if (semaphore?.leases.has(call.leaseId) === true) return again
  const waiter = semaphore?.waiters.get(call.leaseId)
  if (semaphore !== undefined && waiter !== undefined) return repeatWaiting(transition, semaphore, waiter, call)
  return acquireAnew(transition, semaphore, call)
}

/** The very attachment that asks again is the same request; any other adopts the lease, which then ends by release or deadline alone. */
function repeatHeld(transition: Transition, semaphore: Semaphore, lease: Lease, call: AcquireCall): AcquireReply {
  if (lease.permits !== call.permits) return { kind: 'lease_id_conflict', permits: lease.permits }
  if (!isAttached(lease.attachments, call.attachment)) lease.attachments = []
  return {
    kind: 'granted',
    lease: grantedLease(lease, transition.nowMs),
    limitMismatch: semaphore.mismatchWith(call.create),
  }
}

function repeatWaiting(
  transition: Transition,
  semaphore: Semaphore,
  waiter: Waiter,
  call: AcquireCall,
): AcquireReply | Again {
  if (waiter.permits !== call.permits) return { kind: 'lease_id_conflict', permits: waiter.permits }
  if (!call.enqueue) {
    semaphore.removeWaiter(waiter, transition.nowMs)
    transition.tellCancelled(semaphore, waiter, without(waiter.attachments, call.attachment))
    moveQueue(transition, semaphore)
    // Also when a batch is not done: run again, it would be a newcomer, and might be granted what it did not come for.
    return busy(transition, semaphore)
  }
  if (!isAttached(waiter.attachments, call.attachment)) waiter.attachments = [...waiter.attachments, call.attachment]
  semaphore.replicas.set(call.attachment.replica, transition.nowMs)
  return queued(transition, semaphore, waiter, call)
}

function acquireAnew(transition: Transition, existing: Semaphore | undefined, call: AcquireCall): AcquireReply | Again {
  const refusal = existing === undefined ? refusalOfFirst(call) : refusalOf(existing, call)
  if (refusal !== null) return refusal
  // Only from here on is anything left behind: a refused acquire creates no semaphore.
  const { nowMs } = transition
  const { create, leaseId: id, permits, ttlMs, holder } = call
  const start = { name: call.semaphore, limit: create?.limit ?? 0, bounded: create?.bounded ?? true, nowMs }
  const semaphore = existing ?? transition.catalogue.create(start)
  const request = { id, permits, ttlMs, holder, attachments: [call.attachment] }
  if (semaphore.waiters.size === 0 && semaphore.hasRoomFor(permits)) {
    const lease = grantedLease(grant(transition, semaphore, request), nowMs)
    return { kind: 'granted', lease, limitMismatch: semaphore.mismatchWith(create) }
  }
  if (transition.hasBacklog) return again
  if (!call.enqueue) {
    semaphore.lastUseMs = Math.max(semaphore.lastUseMs, nowMs)
    // Also when a batch is not done: run again, it would be a newcomer, and might be granted what it did not come for.
    return busy(transition, semaphore)
  }
  const waiting = semaphore.waiters.size
  if (waiting >= transition.settings.queueMax) return { kind: 'queue_full', waiting }
  semaphore.replicas.set(call.attachment.replica, nowMs)
  return queued(transition, semaphore, semaphore.addWaiter({ ...request, sinceMs: nowMs }), call)
}

function refusalOfFirst({ create, permits }: AcquireCall): Refusal | null {
  if (create === null) return { kind: 'semaphore_not_found' }
  return permits > Math.max(create.limit, 1) ? { kind: 'permits_exceed_limit', limit: create.limit } : null
}

/** Another kind is always a conflict. Another limit only if asked for, and only if it was never the creator's nor is the current one. */
function refusalOf(semaphore: Semaphore, { create, permits }: AcquireCall): Refusal | null {
  const { limit, bounded } = semaphore
  if (create !== null) {
    const isOtherLimit = create.onConflict === 'error' && semaphore.mismatchWith(create) !== null
    if (isOtherLimit || create.bounded !== bounded) return { kind: 'limit_conflict', limit, bounded }
  }
  return semaphore.isTooMany(permits) ? { kind: 'permits_exceed_limit', limit } : null
}

function busy(transition: Transition, semaphore: Semaphore): AcquireReply {
  const { limit, used } = semaphore
  const waiting = semaphore.waiters.size
  return { kind: 'busy', limit, used, waiting, nearestInMs: transition.nearestInMs(semaphore) }
}

function queued(transition: Transition, semaphore: Semaphore, waiter: Waiter, call: AcquireCall): AcquireReply {
  return {
    kind: 'queued',
    limitMismatch: semaphore.mismatchWith(call.create),
    position: semaphore.positionOf(waiter),
    attachedAtMs: transition.nowMs,
    nearestInMs: transition.nearestInMs(semaphore),
  }
}
