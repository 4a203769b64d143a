import type { ReleaseReply } from '../store.js'
import type { Lease, Semaphore } from './semaphore.js'
import { enter, moveQueue } from './settle.js'
import { again, type Again, type Transition } from './transition.js'

export function release(
  transition: Transition,
  call: { semaphore: string; leaseId: string; retire: boolean },
): ReleaseReply {
  const semaphore = enter(transition, call.semaphore)
  const waiter = semaphore?.waiters.get(call.leaseId)
  // A cancelled waiter's id is always retired: the replica of a lost notice runs its acquire again, and would bring it back.
  if (call.retire || waiter !== undefined) {
    const untilMs = transition.nowMs + transition.settings.retireMs
    transition.catalogue.retire(call.semaphore, call.leaseId, untilMs)
  }
  if (semaphore === undefined) return { kind: 'lease_not_held' }
  if (waiter !== undefined) {
    semaphore.removeWaiter(waiter, transition.nowMs)
    transition.tellCancelled(semaphore, waiter, waiter.attachments)
    moveQueue(transition, semaphore)
    return { kind: 'cancelled', permits: waiter.permits }
  }
  const lease = semaphore.heldLease(call.leaseId, transition.nowMs)
  return lease === undefined ? { kind: 'lease_not_held' } : takeBack(transition, semaphore, lease)
}

/** Takes the lease with this fence back, whoever holds it. */
export function revoke(transition: Transition, call: { semaphore: string; fence: number }): ReleaseReply | Again {
  const semaphore = enter(transition, call.semaphore)
  if (transition.hasBacklog || (semaphore !== undefined && semaphore.overdue > 0)) return again
  if (semaphore === undefined) return { kind: 'lease_not_held' }
  for (const lease of semaphore.leases.values()) {
    if (lease.fence === call.fence) return takeBack(transition, semaphore, lease)
  }
  return { kind: 'lease_not_held' }
}

function takeBack(transition: Transition, semaphore: Semaphore, lease: Lease): ReleaseReply {
  semaphore.removeLease(lease, transition.nowMs)
  moveQueue(transition, semaphore)
  return { kind: 'released', permits: lease.permits, heldMs: transition.nowMs - lease.grantedAtMs }
}
