import type { NewEvent } from '../src/history/event.js'
import { History } from '../src/history/history.js'
import { check } from '../src/checker/check.js'
import type { EventOf } from '../src/history/event.js'

type Lease = EventOf<'sample'>['leases'][number]
type Waiter = EventOf<'sample'>['waiters'][number]

/** A history by hand: each event with its time. What is left out of an event is what an ordinary one has. */
export function historyOf(...events: readonly (NewEvent & { readonly at: number; readonly by?: string })[]): History {
  return new History(events.map((event) => ({ by: 'caller', ...event })))
}

/** The invariants that the checker says were broken, with what it says. */
export function brokenIn(history: History): string[] {
  return check(history).violations.map(({ invariant, text }) => `${invariant} ${text}`)
}

/** The store's clock is 1,000,000 ms ahead of the machine's. */
export const storeAheadMs = 1_000_000

export function sample(at: number, of: Partial<Omit<EventOf<'sample'>, 'at' | 'by' | 'kind'>> = {}) {
  const leases = of.leases ?? []
  return {
    kind: 'sample' as const,
    at,
    from: at - 1,
    storeMs: storeAheadMs + at,
    semaphore: 's',
    limit: 1,
    used: leases.reduce((sum, { permits }) => sum + permits, 0),
    fence: Math.max(0, ...leases.map(({ fence }) => fence)),
    leases,
    waiters: [],
    ...of,
  }
}

export function lease(leaseId: string, fence: number, grantedAt: number, until: number, permits = 1): Lease {
  return { leaseId, fence, permits, grantedAtMs: storeAheadMs + grantedAt, deadlineMs: storeAheadMs + until }
}

export function waiter(leaseId: string, arrival: number, permits = 1): Waiter {
  return { leaseId, arrival, permits }
}

let count = 0

/** An acquire that was answered with a lease. */
export function granted(sentAt: number, toldAt: number, leaseId: string, fence: number, ttlMs = 1_000, waitedMs = 0) {
  const request = `caller#${(count += 1)}`
  return [
    { kind: 'request' as const, at: sentAt, request, operation: 'acquire' as const, semaphore: 's', leaseId, ttlMs },
    {
      kind: 'reply' as const,
      at: toldAt,
      request,
      status: 200,
      leaseId,
      fence,
      permits: 1,
      expiresInMs: ttlMs,
      waitedMs,
    },
  ]
}

export function asked(
  at: number,
  operation: 'acquire' | 'release' | 'revoke' | 'configure' | 'add-permits',
  of: object = {},
) {
  return { kind: 'request' as const, at, request: `caller#${(count += 1)}`, operation, semaphore: 's', ...of }
}

export function answered(at: number, status: number, code: string, to: { readonly request: string }) {
  return { kind: 'reply' as const, at, request: to.request, status, code }
}
