import type { Attachments } from './attachments.js'
import { grantedLease, type Lease, type Semaphore, type Waiter } from './semaphore.js'
import type { Transition } from './transition.js'

/** Finds the semaphore and settles it. One that has idled away is gone. */
export function enter(transition: Transition, name: string): Semaphore | undefined {
  const semaphore = transition.catalogue.find(name)
  if (semaphore === undefined) return undefined
  settle(transition, semaphore)
  if (!transition.catalogue.isIdle(semaphore, transition.nowMs)) return semaphore
  transition.catalogue.remove(semaphore, transition.nowUs)
  return undefined
}

/** Begins every transition: time has gone on, so leases past their deadline end, and the queue moves. */
export function settle(transition: Transition, semaphore: Semaphore): void {
  expireLeases(transition, semaphore)
  moveQueue(transition, semaphore)
}

function expireLeases(transition: Transition, semaphore: Semaphore): void {
  semaphore.countAll()
  for (;;) {
    const { first } = semaphore.deadlines
    if (first === undefined || first.deadlineMs > transition.nowMs) return
    if (transition.expiriesLeft === 0) {
      if (!semaphore.countOut(transition.nowMs, transition.settings.batchMax)) transition.hasBacklog = true
      return
    }
    transition.expiriesLeft -= 1
    semaphore.removeLease(first, first.deadlineMs)
  }
}

/**
 * Follows every change that makes room: serves the queue from its head. A head that does not fit stops it, whoever stands behind: small
 * requests that pass a big one starve it.
 */
export function moveQueue(transition: Transition, semaphore: Semaphore): void {
  for (;;) {
    const { head } = semaphore.queue
    if (head === undefined) return
    const isDead = transition.graceDeadlineMs(semaphore, head) <= transition.nowMs
    if (!isDead && !semaphore.hasRoomFor(head.permits)) return
    if (transition.movesLeft === 0) {
      transition.hasBacklog = true
      return
    }
    transition.movesLeft -= 1
    semaphore.removeWaiter(head, transition.nowMs)
    if (!isDead) grantWaiter(transition, semaphore, head)
  }
}

/** The fence grows also when the state was lost with everything in it, because the clock went on. */
export function grant(
  transition: Transition,
  semaphore: Semaphore,
  request: { id: string; permits: number; ttlMs: number; holder: string; attachments: Attachments },
): Lease {
  const { nowMs, nowUs } = transition
  semaphore.fence = Math.max(semaphore.fence + 1, nowUs)
  const { id, permits, ttlMs, holder, attachments } = request
  const times = { ttlMs, grantedAtMs: nowMs, deadlineMs: nowMs + ttlMs, heapIndex: 0 }
  const lease = { id, permits, holder, attachments, fence: semaphore.fence, ...times }
  semaphore.addLease(lease)
  return lease
}

function grantWaiter(transition: Transition, semaphore: Semaphore, waiter: Waiter): void {
  const lease = grantedLease(grant(transition, semaphore, waiter), transition.nowMs)
  transition.tellAttached(waiter.attachments, (numbers) => ({
    kind: 'granted',
    semaphore: semaphore.name,
    leaseId: waiter.id,
    numbers,
    lease,
  }))
}
