import type { AcquireCall, AcquireReply, Refusal } from '../store.js'
import { isAttached, without } from './attachments.js'
import { grantedLease, type Lease, type Semaphore, type Waiter } from './semaphore.js'
import { enter, grant, isUnsettled, settle } from './settle.js'
import { again, type Again, type Transition } from './transition.js'

/** Grant, queue or refuse. A repeat is answered before every check of what is asked for. */
export function acquire(transition: Transition, call: AcquireCall): AcquireReply | Again {
  const semaphore = enter(transition, call.semaphore)
  if (isUnsettled(transition, semaphore)) return again
  if (transition.catalogue.isRetired(call.semaphore, call.leaseId, transition.nowMs)) return { kind: 'wait_cancelled' }
  const lease = semaphore?.leases.get(call.leaseId)
  if (semaphore !== undefined && lease !== undefined) return repeatHeld(transition, semaphore, lease, call)
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

function repeatWaiting(transition: Transition, semaphore: Semaphore, waiter: Waiter, call: AcquireCall): AcquireReply {
  if (waiter.permits !== call.permits) return { kind: 'lease_id_conflict', permits: waiter.permits }
  if (!call.enqueue) {
    semaphore.removeWaiter(waiter, transition.nowMs)
    transition.tellCancelled(semaphore, waiter, without(waiter.attachments, call.attachment))
    settle(transition, semaphore)
    return busy(transition, semaphore)
  }
  if (!isAttached(waiter.attachments, call.attachment)) waiter.attachments = [...waiter.attachments, call.attachment]
  semaphore.replicas.set(call.attachment.replica, transition.nowMs)
  return queued(transition, semaphore, waiter, call)
}

function acquireAnew(transition: Transition, existing: Semaphore | undefined, call: AcquireCall): AcquireReply {
  const { nowMs, catalogue, settings } = transition
  const { create, leaseId: id, permits, ttlMs, holder } = call
  if (existing === undefined && create === null) return { kind: 'semaphore_not_found' }
  const conflict = existing === undefined ? null : conflictWith(existing, call)
  if (conflict !== null) return conflict
  const limit = existing?.limit ?? create?.limit ?? 0
  if (permits > Math.max(limit, 1)) return { kind: 'permits_exceed_limit', limit }
  // Only from here on is anything left behind: a refused acquire creates no semaphore.
  const fits = existing === undefined ? permits <= limit : existing.waiters.size === 0 && existing.hasRoomFor(permits)
  if (!fits && !call.enqueue) {
    if (existing !== undefined) return busy(transition, existing)
    return { kind: 'busy', limit, used: 0, waiting: 0, nearestInMs: null }
  }
  const waiting = existing?.waiters.size ?? 0
  if (!fits && waiting >= settings.queueMax) return { kind: 'queue_full', waiting }
  const semaphore =
    existing ?? catalogue.create({ name: call.semaphore, limit, bounded: create?.bounded ?? true, nowMs })
  const request = { id, permits, ttlMs, holder, attachments: [call.attachment] }
  if (fits) {
    const lease = grantedLease(grant(transition, semaphore, request), nowMs)
    return { kind: 'granted', lease, limitMismatch: semaphore.mismatchWith(create) }
  }
  semaphore.replicas.set(call.attachment.replica, nowMs)
  return queued(transition, semaphore, semaphore.addWaiter({ ...request, sinceMs: nowMs }), call)
}

/** Another kind is always a conflict. Another limit only if asked for, and only if it was never the creator's nor is the current one. */
function conflictWith(semaphore: Semaphore, { create }: AcquireCall): Refusal | null {
  if (create === null) return null
  const isOtherKind = create.bounded !== semaphore.bounded
  const isOtherLimit = create.onConflict === 'error' && semaphore.mismatchWith(create) !== null
  return isOtherKind || isOtherLimit
    ? { kind: 'limit_conflict', limit: semaphore.limit, bounded: semaphore.bounded }
    : null
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
