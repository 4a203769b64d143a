import type { LeaseView, WaiterView } from '@signalbox/engine'
import {
  leaseItem,
  pageOf,
  semaphoreReply,
  waiterItem,
  type LeaseItem,
  type Page,
  type SemaphoreReply,
  type WaiterItem,
} from '@signalbox/protocol'
import type { RouteContext } from './context.js'
import { notFoundReply } from './not-found.js'
import { defineRoute, storeCodes, type Route } from './route.js'
import { exampleSemaphore, semaphoreBody } from './semaphore-calls.js'

function instant(ms: number): string {
  return new Date(ms).toISOString()
}

export function leaseItemOf(lease: LeaseView): LeaseItem {
  const { grantedAtMs, deadlineMs, fence, permits, holder, heldMs, expiresInMs } = lease
  return {
    fence,
    permits,
    holder,
    grantedAt: instant(grantedAtMs),
    heldMs,
    expiresAt: instant(deadlineMs),
    expiresInMs,
  }
}

export function waiterItemOf({ sinceMs, position, permits, holder, waitedMs }: WaiterView): WaiterItem {
  return { position, permits, holder, since: instant(sinceMs), waitedMs }
}

export function leasesRoute({ engine, schemas }: RouteContext): Route {
  const example: Page<LeaseItem> = {
    items: [
      {
        fence: 1_767_225_600_000_000,
        permits: 1,
        holder: 'report-7',
        grantedAt: '2026-01-01T00:00:00.000Z',
        heldMs: 10_000,
        expiresAt: '2026-01-01T00:00:30.000Z',
        expiresInMs: 20_000,
      },
    ],
    nextCursor: null,
  }
  return defineRoute({
    method: 'GET',
    path: '/v1/semaphores/{name}/leases',
    operationId: 'listLeases',
    summary: 'Who holds permits',
    description: 'In the order of their deadlines. Lease ids are never listed: they are capabilities.',
    tag: 'leases',
    scope: 'inspect',
    isShedFirst: true,
    query: schemas.page,
    replies: [{ status: 200, description: 'A page of leases', schema: pageOf(leaseItem), example }],
    codes: ['SEMAPHORE_NOT_FOUND', ...storeCodes],
    async handle({ params, query }, reply) {
      const page = await engine.leases({
        semaphore: params.name,
        cursor: query.cursor ?? null,
        pageSize: query.pageSize,
      })
      if (page.kind === 'semaphore_not_found') return notFoundReply(reply, params.name)
      return { items: page.items.map(leaseItemOf), nextCursor: page.nextCursor } satisfies Page<LeaseItem>
    },
  })
}

export function waitersRoute({ engine, schemas }: RouteContext): Route {
  const example: Page<WaiterItem> = {
    items: [{ position: 1, permits: 1, holder: 'report-8', since: '2026-01-01T00:00:05.000Z', waitedMs: 5_000 }],
    nextCursor: null,
  }
  return defineRoute({
    method: 'GET',
    path: '/v1/semaphores/{name}/waiters',
    operationId: 'listWaiters',
    summary: 'Who waits, in order',
    tag: 'leases',
    scope: 'inspect',
    isShedFirst: true,
    query: schemas.page,
    replies: [{ status: 200, description: 'A page of waiters', schema: pageOf(waiterItem), example }],
    codes: ['SEMAPHORE_NOT_FOUND', ...storeCodes],
    async handle({ params, query }, reply) {
      const page = await engine.waiters({
        semaphore: params.name,
        cursor: query.cursor ?? null,
        pageSize: query.pageSize,
      })
      if (page.kind === 'semaphore_not_found') return notFoundReply(reply, params.name)
      return { items: page.items.map(waiterItemOf), nextCursor: page.nextCursor } satisfies Page<WaiterItem>
    },
  })
}

export function semaphoresRoute({ engine, schemas }: RouteContext): Route {
  const example: Page<SemaphoreReply> = { items: [exampleSemaphore], nextCursor: null }
  return defineRoute({
    method: 'GET',
    path: '/v1/semaphores',
    operationId: 'listSemaphores',
    summary: 'Which semaphores there are',
    description:
      'A page may be empty while `nextCursor` is not null. A key with a prefix sees the names that begin with it.',
    tag: 'semaphores',
    scope: 'inspect',
    isShedFirst: true,
    query: schemas.semaphoresPage,
    replies: [{ status: 200, description: 'A page of semaphores', schema: pageOf(semaphoreReply), example }],
    codes: [...storeCodes],
    async handle({ query, keyPrefix }) {
      const prefix = narrower(query.prefix, keyPrefix)
      if (prefix === null) return { items: [], nextCursor: null } satisfies Page<SemaphoreReply>
      const page = await engine.semaphores({ prefix, cursor: query.cursor ?? null, pageSize: query.pageSize })
      return { items: page.items.map(semaphoreBody), nextCursor: page.nextCursor } satisfies Page<SemaphoreReply>
    },
  })
}

/** The names that begin with both; null: none can. */
export function narrower(asked: string, allowed: string): string | null {
  if (asked.startsWith(allowed)) return asked
  return allowed.startsWith(asked) ? allowed : null
}
