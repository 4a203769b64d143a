import type { AddPermitsReply, ConfigureReply, RemoveReply } from '../store.js'
import type { Semaphore } from './semaphore.js'
import { enter, moveQueue } from './settle.js'
import { again, type Again, type Transition } from './transition.js'

/** Defines a semaphore, or resizes it. No lease is revoked: a lowered limit stops grants until use is below it. */
export function configure(
  transition: Transition,
  call: { semaphore: string; limit: number; bounded: boolean | null },
): ConfigureReply {
  const existing = enter(transition, call.semaphore)
  const { nowMs } = transition
  const start = { name: call.semaphore, limit: call.limit, bounded: call.bounded ?? true, nowMs }
  const semaphore = existing ?? transition.catalogue.create(start)
  semaphore.configured = true
  semaphore.limit = call.limit
  semaphore.bounded = call.bounded ?? semaphore.bounded
  dropTooBig(transition, semaphore)
  moveQueue(transition, semaphore)
  return { kind: existing === undefined ? 'created' : 'configured', state: semaphore.stateAt(nowMs) }
}

/** Who asks for more than there will ever be is refused, not kept waiting; its replica hears the reason when it asks again. */
function dropTooBig(transition: Transition, semaphore: Semaphore): void {
  const tooBig = [...semaphore.waiters.values()].filter((waiter) => semaphore.isTooMany(waiter.permits))
  if (tooBig.length === 0) return
  transition.tellReplicas(semaphore, { kind: 'check', semaphore: semaphore.name })
  for (const waiter of tooBig) semaphore.removeWaiter(waiter, transition.nowMs)
}

/** The counting semaphore's release without a lease: the limit grows, for as long as the semaphore lives. */
export function addPermits(
  transition: Transition,
  call: { semaphore: string; permits: number; requestId: string; limitMax: number },
): AddPermitsReply {
  const { catalogue, nowMs, settings } = transition
  const semaphore = enter(transition, call.semaphore)
  if (semaphore === undefined) return { kind: 'semaphore_not_found' }
  if (catalogue.hasGrownBy(call.semaphore, call.requestId, nowMs)) {
    return { kind: 'state', state: semaphore.stateAt(nowMs) }
  }
  if (semaphore.bounded) return { kind: 'released_too_many_times', limit: semaphore.limit }
  if (semaphore.limit + call.permits > call.limitMax) return { kind: 'limit_too_large', limit: semaphore.limit }
  catalogue.noteGrowth(call.semaphore, call.requestId, nowMs + settings.requestIdMs)
  semaphore.limit += call.permits
  semaphore.lastUseMs = Math.max(semaphore.lastUseMs, nowMs)
  moveQueue(transition, semaphore)
  return { kind: 'state', state: semaphore.stateAt(nowMs) }
}

/** Its waiters hear that it is gone when they ask again; leases, if forced, are void. */
export function remove(transition: Transition, call: { semaphore: string; force: boolean }): RemoveReply | Again {
  const semaphore = enter(transition, call.semaphore)
  if (semaphore === undefined) return { kind: 'semaphore_not_found' }
  if (semaphore.used > 0 && !call.force) {
    return transition.hasBacklog ? again : { kind: 'in_use', used: semaphore.used }
  }
  transition.tellReplicas(semaphore, { kind: 'check', semaphore: semaphore.name })
  transition.catalogue.remove(semaphore, transition.nowUs)
  return { kind: 'removed' }
}
