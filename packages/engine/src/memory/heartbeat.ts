import type { HeartbeatReply, NearestInMs, OpenRequestState } from '../store.js'
import { isAttached } from './attachments.js'
import { grantedLease, type Semaphore } from './semaphore.js'
import { enter } from './settle.js'
import type { Transition } from './transition.js'

export function reap(transition: Transition, call: { semaphore: string }): { nearestInMs: NearestInMs } {
  const semaphore = enter(transition, call.semaphore)
  if (semaphore === undefined) return { nearestInMs: null }
  return { nearestInMs: transition.hasBacklog || semaphore.overdue > 0 ? 0 : transition.nearestInMs(semaphore) }
}

/** The beat counts before the queue is looked at: a replica that is back in time to say so keeps its waiters' places. */
export function heartbeat(
  transition: Transition,
  call: { semaphore: string; replica: string; open: readonly { leaseId: string; number: number }[] },
): HeartbeatReply {
  const before = transition.catalogue.find(call.semaphore)
  if (before !== undefined && before.waiters.size > 0) beat(transition, before, call.replica)
  const semaphore = enter(transition, call.semaphore)
  if (semaphore === undefined) return { nearestInMs: null, states: call.open.map(() => ({ kind: 'unknown' })) }
  return {
    nearestInMs: transition.nearestInMs(semaphore),
    states: call.open.map(({ leaseId, number }) =>
      stateOf(transition, semaphore, leaseId, { replica: call.replica, number }),
    ),
  }
}

/** Replicas not heard of for the grace are as good as not listed: drop them, or they would pile up. */
function beat(transition: Transition, semaphore: Semaphore, replica: string): void {
  semaphore.replicas.set(replica, transition.nowMs)
  for (const [other, lastHeardMs] of semaphore.replicas) {
    if (lastHeardMs + transition.settings.graceMs <= transition.nowMs) semaphore.replicas.delete(other)
  }
}

function stateOf(
  transition: Transition,
  semaphore: Semaphore,
  leaseId: string,
  attachment: { replica: string; number: number },
): OpenRequestState {
  const waiter = semaphore.waiters.get(leaseId)
  if (waiter !== undefined && isAttached(waiter.attachments, attachment)) return { kind: 'waiting' }
  const lease = semaphore.heldLease(leaseId, transition.nowMs)
  if (lease === undefined || !isAttached(lease.attachments, attachment)) return { kind: 'unknown' }
  return { kind: 'granted', lease: grantedLease(lease, transition.nowMs) }
}
