import {
  leaseReply,
  releaseReply,
  revokeReply,
  type LeaseReply,
  type ReleaseReply,
  type RequestOf,
  type RevokeReply,
} from '@signalbox/protocol'
import type { Engine } from '@signalbox/engine'
import { invalidField } from '../invalid-request.js'
import type { RouteContext } from './context.js'
import { problemReply, replyOf, type Problem } from '../problem.js'
import { notHeld } from './not-found.js'
import { defineRoute, storeCodes, type Route } from './route.js'

const leaseId = '3f0a3c52-8f5e-4a64-9d2c-0d2f3a1b4c5d'

export function releaseRoute({ engine, schemas }: RouteContext): Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/semaphores/{name}/release',
    operationId: 'release',
    summary: 'Release a lease, or leave the queue',
    tag: 'leases',
    scope: 'acquire',
    body: schemas.release,
    bodyExample: { leaseId },
    replies: [
      {
        status: 200,
        description: 'The permits came back, or the waiter left',
        schema: releaseReply,
        example: { state: 'released', leaseId, permits: 1 } satisfies ReleaseReply,
      },
    ],
    codes: ['LEASE_NOT_HELD', ...storeCodes],
    handle: async ({ params, body }, reply) => replyOf(reply, await release(engine, params.name, body)),
  })
}

export async function release(
  engine: Engine,
  semaphore: string,
  { leaseId: given, retire }: RequestOf<'release'>,
): Promise<ReleaseReply | Problem> {
  const id = given.toLowerCase()
  const outcome = await engine.release({ semaphore, leaseId: id, retire })
  if (outcome.kind === 'lease_not_held') return notHeld(semaphore, 'The lease')
  return { state: outcome.kind, leaseId: id, permits: outcome.permits }
}

export function renewRoute({ engine, schemas }: RouteContext): Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/semaphores/{name}/renew',
    operationId: 'renew',
    summary: "Push a held lease's deadline out",
    tag: 'leases',
    scope: 'acquire',
    body: schemas.renew,
    bodyExample: { leaseId, ttlMs: 30_000 },
    replies: [
      {
        status: 200,
        description: 'Held, with at least this ttl from now on',
        schema: leaseReply,
        example: {
          state: 'held',
          leaseId,
          semaphore: 'reports',
          permits: 1,
          fence: 1_767_225_600_000_000,
          ttlMs: 30_000,
          expiresInMs: 30_000,
          waitedMs: 0,
          expiresAt: '2026-01-01T00:00:40.000Z',
        } satisfies LeaseReply,
      },
    ],
    codes: ['LEASE_NOT_HELD', ...storeCodes, 'STORE_RECOVERING'],
    handle: async ({ params, body }, reply) => replyOf(reply, await renew(engine, params.name, body)),
  })
}

export async function renew(
  engine: Engine,
  semaphore: string,
  body: RequestOf<'renew'>,
): Promise<LeaseReply | Problem> {
  const id = body.leaseId.toLowerCase()
  const outcome = await engine.renew({ semaphore, leaseId: id, ttlMs: body.ttlMs })
  if (outcome.kind === 'lease_not_held') return notHeld(semaphore, 'The lease')
  const { permits, fence, ttlMs, expiresInMs, deadlineMs } = outcome.lease
  return {
    state: 'held',
    leaseId: id,
    semaphore,
    permits,
    fence,
    ttlMs,
    expiresInMs,
    waitedMs: 0,
    expiresAt: new Date(deadlineMs).toISOString(),
  }
}

export function revokeRoute({ engine }: RouteContext): Route {
  return defineRoute({
    method: 'DELETE',
    path: '/v1/semaphores/{name}/leases/{fence}',
    operationId: 'revoke',
    summary: 'Take a lease back, whoever holds it',
    description: 'By its fence: the lease id is a capability and stays out of URLs.',
    tag: 'leases',
    scope: 'admin',
    replies: [
      {
        status: 200,
        description: 'The permits came back',
        schema: revokeReply,
        example: { state: 'released', fence: 1_767_225_600_000_000, permits: 1 } satisfies RevokeReply,
      },
    ],
    codes: ['LEASE_NOT_HELD', ...storeCodes],
    async handle(request, reply) {
      const { params } = request
      const fence = Number(params.fence)
      if (!Number.isSafeInteger(fence))
        throw invalidField('/fence', `The path parameter "fence" must be below 2^53, not ${params.fence}`)
      const outcome = await engine.revoke({ semaphore: params.name, fence })
      // A waiter has no fence, so a fence cannot name one.
      if (outcome.kind !== 'released') return problemReply(reply, notHeld(params.name, `A lease with fence ${fence}`))
      request.audited = { permits: outcome.permits }
      return { state: 'released', fence, permits: outcome.permits } satisfies RevokeReply
    },
  })
}
