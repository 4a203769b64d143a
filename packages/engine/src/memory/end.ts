import type { Attachment, EndReply } from '../store.js'
import { isAttached, without } from './attachments.js'
import { grantedLease } from './semaphore.js'
import { enter, moveQueue } from './settle.js'
import type { Transition } from './transition.js'

/** Ends one attachment; only the last one to go takes the waiter, or the lease, with it. */
export function end(
  transition: Transition,
  call: { semaphore: string; leaseId: string; attachment: Attachment; unlessHeld: boolean },
): EndReply {
  const semaphore = enter(transition, call.semaphore)
  const lease = semaphore?.heldLease(call.leaseId, transition.nowMs)
  const waiter = semaphore?.waiters.get(call.leaseId)
  if (lease !== undefined && call.unlessHeld) {
    // Adopted by another attempt, or granted to it: this caller learns now that its id is held, so it adopts it too.
    if (!isAttached(lease.attachments, call.attachment)) lease.attachments = []
    return { kind: 'held', lease: grantedLease(lease, transition.nowMs) }
  }
  const attached = lease ?? waiter
  if (semaphore === undefined || attached === undefined || !isAttached(attached.attachments, call.attachment)) {
    return { kind: 'not_attached' }
  }
  attached.attachments = without(attached.attachments, call.attachment)
  if (attached.attachments.length > 0) return { kind: 'detached' }
  if (lease !== undefined) semaphore.removeLease(lease, transition.nowMs)
  if (waiter !== undefined) semaphore.removeWaiter(waiter, transition.nowMs)
  moveQueue(transition, semaphore)
  return { kind: lease === undefined ? 'left' : 'returned' }
}
