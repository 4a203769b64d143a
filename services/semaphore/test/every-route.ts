import type { Scope } from '@signalbox/semaphore-service'
import { leaseId, openService, type OpenOptions, type OpenService } from './open-service.js'

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

export interface EveryRoute {
  readonly method: Method
  readonly path: string
  /** The one scope that opens it; `any`: every key does; null: open to all. */
  readonly scope: Scope | 'any' | null
  /** What it answers when it is let through, in the world that `openWorld` makes. */
  readonly status: number
  readonly body?: (held: Held) => object
  readonly query?: string
}

/** A lease of that world, on the semaphore that is asked for. */
export interface Held {
  readonly leaseId: string
  readonly fence: number
}

/** Every route there is; a test holds this list to those that are served, so that a new one has to say here who may call it. */
export const everyRoute: readonly EveryRoute[] = [
  { method: 'POST', path: '/v1/semaphores/{name}/acquire', scope: 'acquire', status: 200, body: () => ({}) },
  {
    method: 'POST',
    path: '/v1/semaphores/{name}/release',
    scope: 'acquire',
    status: 200,
    body: (held) => ({ leaseId: held.leaseId }),
  },
  {
    method: 'POST',
    path: '/v1/semaphores/{name}/renew',
    scope: 'acquire',
    status: 200,
    body: (held) => ({ leaseId: held.leaseId, ttlMs: 120_000 }),
  },
  {
    method: 'POST',
    path: '/v1/batch',
    scope: 'acquire',
    status: 200,
    body: (held) => ({ calls: [{ call: 'release', semaphore, leaseId: held.leaseId }] }),
  },
  {
    method: 'POST',
    path: '/v1/semaphores/{name}/add-permits',
    scope: 'admin',
    status: 200,
    body: () => ({ permits: 2, requestId: leaseId() }),
  },
  { method: 'PUT', path: '/v1/semaphores/{name}', scope: 'admin', status: 200, body: () => ({ limit: 7 }) },
  { method: 'GET', path: '/v1/semaphores/{name}', scope: 'inspect', status: 200 },
  { method: 'DELETE', path: '/v1/semaphores/{name}', scope: 'admin', status: 204, query: '?force=true' },
  { method: 'GET', path: '/v1/semaphores/{name}/leases', scope: 'inspect', status: 200 },
  { method: 'GET', path: '/v1/semaphores/{name}/waiters', scope: 'inspect', status: 200 },
  { method: 'DELETE', path: '/v1/semaphores/{name}/leases/{fence}', scope: 'admin', status: 200 },
  { method: 'GET', path: '/v1/semaphores', scope: 'inspect', status: 200 },
  { method: 'GET', path: '/v1/access', scope: 'any', status: 200 },
  { method: 'GET', path: '/v1/events', scope: 'inspect', status: 200 },
  { method: 'GET', path: '/healthz', scope: null, status: 200 },
  { method: 'GET', path: '/readyz', scope: null, status: 200 },
  { method: 'GET', path: '/metrics', scope: 'inspect', status: 200 },
  { method: 'GET', path: '/quick-start', scope: null, status: 200 },
  { method: 'GET', path: '/docs', scope: 'inspect', status: 200 },
  { method: 'GET', path: '/openapi.json', scope: 'inspect', status: 200 },
]

/** The name that every route of a semaphore is asked for. */
export const semaphore = 'billing:a'

/** A service whose semaphore has 3 permits, one of them held. */
export async function openWorld(
  options: OpenOptions,
): Promise<OpenService & { held: Held; world(): Promise<unknown> }> {
  const service = openService(options)
  const { store, engine } = service
  await store.configure({ semaphore, limit: 3, bounded: false })
  const id = leaseId()
  const attempt = engine.acquire({
    semaphore,
    leaseId: id,
    permits: 1,
    ttlMs: 60_000,
    waitMs: 0,
    holder: 'somebody',
    create: null,
  })
  const outcome = await attempt.outcome
  attempt.delivered()
  if (outcome.kind !== 'granted') throw new Error(`the lease was not granted: ${outcome.kind}`)
  return {
    ...service,
    held: { leaseId: id, fence: outcome.lease.fence },
    // Deadlines with it, so that a renewal shows; times that pass by themselves without.
    world: async () => {
      const leases = await store.leases({ semaphore, cursor: null, pageSize: 10 })
      const items = leases.kind === 'page' ? leases.items : []
      return [await store.inspect({ semaphore }), items.map(({ fence, deadlineMs }) => [fence, deadlineMs])]
    },
  }
}

/** Asks the route as it is asked when all is well, but for who asks. */
export function ask(service: OpenService & { held: Held }, route: EveryRoute, headers: Record<string, string>) {
  const url = route.path.replace('{name}', semaphore).replace('{fence}', String(service.held.fence))
  return service.call(route.method, `${url}${route.query ?? ''}`, route.body?.(service.held), headers)
}
