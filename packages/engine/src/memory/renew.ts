import type { RenewReply } from '../store.js'
import { grantedLease } from './semaphore.js'
import { enter } from './settle.js'
import type { Transition } from './transition.js'

/** Pushes a held lease's deadline out. Never in: a slow repeat with a short ttl must not take back what was promised. */
export function renew(transition: Transition, call: { semaphore: string; leaseId: string; ttlMs: number }): RenewReply {
  const semaphore = enter(transition, call.semaphore)
  const lease = semaphore?.heldLease(call.leaseId, transition.nowMs)
  if (semaphore === undefined || lease === undefined) return { kind: 'lease_not_held' }
  lease.ttlMs = call.ttlMs
  semaphore.deadlines.move(lease, Math.max(lease.deadlineMs, transition.nowMs + call.ttlMs))
  return { kind: 'renewed', lease: grantedLease(lease, transition.nowMs) }
}
