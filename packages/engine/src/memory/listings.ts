import {
  type LeaseView,
  type NotFound,
  type PageCall,
  type PageOf,
  type StateReply,
  type WaiterView,
} from '../store.js'
import { cursorNumbers } from './cursor.js'
import { enter } from './settle.js'
import { again, type Again, type Transition } from './transition.js'

type Page<Item> = ({ readonly kind: 'page' } & PageOf<Item>) | NotFound

export function inspect(transition: Transition, call: { semaphore: string }): StateReply | NotFound | Again {
  const semaphore = enter(transition, call.semaphore)
  if (transition.hasBacklog) return again
  if (semaphore === undefined) return { kind: 'semaphore_not_found' }
  return { kind: 'state', state: semaphore.stateAt(transition.nowMs) }
}

/** By deadline, then fence: the cursor is both of the last one shown, and holds no lease id, which is a capability. */
export function leases(transition: Transition, call: PageCall): Page<LeaseView> | Again {
  const [afterMs, afterFence] = cursorNumbers(call.cursor, 2)
  const { nowMs } = transition
  const semaphore = enter(transition, call.semaphore)
  if (transition.hasBacklog || (semaphore !== undefined && semaphore.overdue > 0)) return again
  if (semaphore === undefined) return { kind: 'semaphore_not_found' }
  const rest = [...semaphore.leases.values()]
    .filter(({ deadlineMs, fence }) => deadlineMs > afterMs || (deadlineMs === afterMs && fence > afterFence))
    .sort((a, b) => a.deadlineMs - b.deadlineMs || a.fence - b.fence)
  const shown = rest.slice(0, call.pageSize)
  const last = shown.at(-1)
  const items = shown.map(({ fence, permits, holder, grantedAtMs, deadlineMs }) => {
    return {
      fence,
      permits,
      holder,
      grantedAtMs,
      heldMs: nowMs - grantedAtMs,
      deadlineMs,
      expiresInMs: deadlineMs - nowMs,
    }
  })
  const isLast = last === undefined || shown.length === rest.length
  return { kind: 'page', items, nextCursor: isLast ? null : `${last.deadlineMs}.${last.fence}` }
}

export function waiters(transition: Transition, call: PageCall): Page<WaiterView> | Again {
  const [afterArrival] = cursorNumbers(call.cursor, 1)
  const { nowMs } = transition
  const semaphore = enter(transition, call.semaphore)
  if (transition.hasBacklog) return again
  if (semaphore === undefined) return { kind: 'semaphore_not_found' }
  const items: WaiterView[] = []
  let position = semaphore.queue.countBefore(afterArrival + 1)
  let lastArrival = 0
  for (const { permits, holder, sinceMs, arrival } of semaphore.queue.after(afterArrival)) {
    if (items.length === call.pageSize) return { kind: 'page', items, nextCursor: String(lastArrival) }
    position += 1
    lastArrival = arrival
    items.push({ position, permits, holder, sinceMs, waitedMs: Math.max(nowMs - sinceMs, 0) })
  }
  return { kind: 'page', items, nextCursor: null }
}
