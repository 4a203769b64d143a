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

/**
 * Begins every transition, and follows every change that makes room: expires leases past their deadline, then serves the queue from its
 * head. A head that does not fit stops it, whoever stands behind: small requests that pass a big one starve it.
 */
export function settle(transition: Transition, semaphore: Semaphore): void {
  for (let lease = overdue(transition, semaphore); lease !== undefined; lease = overdue(transition, semaphore)) {
    if (transition.expiriesLeft === 0) break
    transition.expiriesLeft -= 1
    semaphore.removeLease(lease, lease.deadlineMs)
  }
  for (let { head } = semaphore.queue; head !== undefined && transition.movesLeft > 0; { head } = semaphore.queue) {
    if (transition.graceDeadlineMs(semaphore, head) <= transition.nowMs) {
      semaphore.removeWaiter(head, transition.nowMs)
    } else if (semaphore.hasRoomFor(head.permits)) {
      grantWaiter(transition, semaphore, head)
    } else {
      return
    }
    transition.movesLeft -= 1
  }
}

/** Whether a batch was too small: `used` still counts leases that are over. */
export function isUnsettled(transition: Transition, semaphore: Semaphore | undefined): boolean {
  return semaphore !== undefined && overdue(transition, semaphore) !== undefined
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
  semaphore.removeWaiter(waiter, transition.nowMs)
  const lease = grantedLease(grant(transition, semaphore, waiter), transition.nowMs)
  transition.tellAttached(waiter.attachments, (numbers) => ({
    kind: 'granted',
    semaphore: semaphore.name,
    leaseId: waiter.id,
    numbers,
    lease,
  }))
}

function overdue(transition: Transition, semaphore: Semaphore): Lease | undefined {
  const { first } = semaphore.deadlines
  return first !== undefined && first.deadlineMs <= transition.nowMs ? first : undefined
}
