import type { LeaseView, NotFound, PageCall, PageOf, ReleaseReply, Store, WaiterView } from '../store.js'
import { decodeCursor, encodeCursor } from './cursor.js'
import { scripts } from './scripts.gen.js'
import { commonArgs } from './script-context.js'
import type { ScriptContext } from './script-context.js'

type Page<Item> = ({ readonly kind: 'page' } & PageOf<Item>) | NotFound

/** Where a page of leases ended: they are ordered by deadline, then fence. */
interface LeasePosition {
  readonly deadlineMs: number
  readonly fence: number
}

/** What only this store may see: the id is a capability, and stays out of listings. */
interface ListedLease {
  readonly leaseId: string
  readonly view: Omit<LeaseView, 'expiresInMs'>
}

/** How many leases `revoke` looks at in one step. */
const searchPageSize = 500

function inGroups(items: readonly string[], length: number): string[][] {
  return Array.from({ length: items.length / length }, (_, i) => items.slice(i * length, (i + 1) * length))
}

function readLease([leaseId = '', ...fields]: readonly string[]): ListedLease {
  const [fence = 0, permits = 0, grantedAtMs = 0, heldMs = 0, deadlineMs = 0] = fields.slice(0, -1).map(Number)
  return { leaseId, view: { fence, permits, holder: fields.at(-1) ?? '', grantedAtMs, heldMs, deadlineMs } }
}

function readWaiter([, ...fields]: readonly string[]): WaiterView {
  const [position = 0, permits = 0, sinceMs = 0, waitedMs = 0] = fields.slice(0, -1).map(Number)
  return { position, permits, holder: fields.at(-1) ?? '', sinceMs, waitedMs }
}

/** `heldMs` was taken at the script's now, so that what is left follows from it without a second clock. */
function viewOf({ view }: ListedLease): LeaseView {
  return { ...view, expiresInMs: view.deadlineMs - view.grantedAtMs - view.heldMs }
}

export function listings(context: ScriptContext): Pick<Store, 'leases' | 'waiters' | 'revoke'> {
  const { run, keyspace } = context

  async function listLeases(semaphore: string, after: LeasePosition, pageSize: number) {
    const reply = await run(scripts.listLeases, semaphore, keyspace.of(semaphore), {
      ...commonArgs(context, semaphore),
      afterDeadlineMs: after.deadlineMs,
      afterFence: after.fence,
      pageSize,
    })
    if (reply.kind === 'semaphore_not_found') return null
    const leases = inGroups(reply.items, 7).map(readLease)
    return { leases, next: reply.more ? (leases.at(-1)?.view ?? null) : null }
  }

  async function findLease(semaphore: string, fence: number): Promise<string | null> {
    let after: LeasePosition | null = { deadlineMs: 0, fence: 0 }
    while (after !== null) {
      const page = await listLeases(semaphore, after, searchPageSize)
      const found = page?.leases.find(({ view }) => view.fence === fence)
      if (found !== undefined) return found.leaseId
      after = page?.next ?? null
    }
    return null
  }

  return {
    async leases({ semaphore, cursor, pageSize }: PageCall): Promise<Page<LeaseView>> {
      const [deadlineMs, fence] = cursor === null ? [0, 0] : decodeCursor('leases', /^\d{1,16} \d{1,16}$/, cursor)
      const after = { deadlineMs: Number(deadlineMs), fence: Number(fence) }
      const page = await listLeases(semaphore, after, pageSize)
      if (page === null) return { kind: 'semaphore_not_found' }
      const nextCursor = page.next === null ? null : encodeCursor('leases', page.next.deadlineMs, page.next.fence)
      return { kind: 'page', items: page.leases.map(viewOf), nextCursor }
    },

    async waiters({ semaphore, cursor, pageSize }: PageCall): Promise<Page<WaiterView>> {
      const [arrival] = cursor === null ? [0] : decodeCursor('waiters', /^\d{1,16}$/, cursor)
      const args = { ...commonArgs(context, semaphore), afterArrival: Number(arrival), pageSize }
      const reply = await run(scripts.listWaiters, semaphore, keyspace.of(semaphore), args)
      if (reply.kind === 'semaphore_not_found') return reply
      const waiters = inGroups(reply.items, 6)
      const lastArrival = waiters.at(-1)?.[0]
      const nextCursor = reply.more && lastArrival !== undefined ? encodeCursor('waiters', lastArrival) : null
      return { kind: 'page', items: waiters.map(readWaiter), nextCursor }
    },

    // Between the search and the script the lease may end and its id hold a newer one: the script compares the fence again.
    async revoke({ semaphore, fence }): Promise<ReleaseReply> {
      const leaseId = await findLease(semaphore, fence)
      if (leaseId === null) return { kind: 'lease_not_held' }
      const args = { ...commonArgs(context, semaphore), leaseId, fence }
      return run(scripts.revoke, semaphore, keyspace.of(semaphore), args)
    },
  }
}
