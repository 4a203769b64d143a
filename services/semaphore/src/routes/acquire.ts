import { randomUUID } from 'node:crypto'
import type { AcquireOutcome, AcquireRequest, HeldLease } from '@signalbox/engine'
import { acquireReply, type AcquireReply, type RequestOf } from '@signalbox/protocol'
import { replyOf, type Problem } from '../problem.js'
import { acquireProblem } from './acquire-refusals.js'
import type { RouteContext } from './context.js'
import { defineRoute, storeCodes, type Route } from './route.js'

export function acquireRoute(context: RouteContext): Route {
  const { engine, schemas, openAttempts } = context
  return defineRoute({
    method: 'POST',
    path: '/v1/semaphores/{name}/acquire',
    operationId: 'acquire',
    summary: 'Acquire permits',
    description:
      '200 is a lease, and nothing else means held. With `waitMs` the request is held open until the grant, at most until the cap; ' +
      'then 429 STILL_WAITING: the same call with the same leaseId keeps the place. Closing the connection abandons the wait.',
    tag: 'leases',
    scope: 'acquire',
    body: schemas.acquire,
    bodyOptional: true,
    isShedFirst: true,
    bodyExample: {
      leaseId: '3f0a3c52-8f5e-4a64-9d2c-0d2f3a1b4c5d',
      ttlMs: 30_000,
      waitMs: 5_000,
      holder: 'report-7',
      create: { limit: 3 },
    },
    replies: [{ status: 200, description: 'Held', schema: acquireReply, example: exampleLease }],
    codes: [
      'SEMAPHORE_NOT_FOUND',
      'PERMITS_EXCEED_LIMIT',
      'LIMIT_CONFLICT',
      'LEASE_ID_CONFLICT',
      'WAIT_CANCELLED',
      'PERMITS_UNAVAILABLE',
      'ACQUIRE_TIMEOUT',
      'STILL_WAITING',
      'QUEUE_FULL',
      ...storeCodes,
      'STORE_RECOVERING',
      'SHUTTING_DOWN',
    ],
    async handle(request, reply) {
      const call = acquireRequestOf(request.params.name, request.body)
      const attempt = engine.acquire(call)
      openAttempts.track(attempt, request.raw.socket, reply.raw)
      const outcome = await attempt.outcome
      // The connection is gone: there is nobody to answer.
      if (outcome.kind === 'closed') return reply.hijack()
      return replyOf(reply, acquireAnswer(outcome, call, context))
    },
  })
}

export function acquireRequestOf(semaphore: string, body: RequestOf<'acquire'>): AcquireRequest {
  const { leaseId, holder = '', create = null, permits, ttlMs, waitMs } = body
  return {
    semaphore,
    // Without an id of the caller's, a lost reply costs the permit for one ttl: nobody can ask for it again.
    leaseId: leaseId?.toLowerCase() ?? randomUUID(),
    permits,
    ttlMs,
    waitMs,
    holder,
    create,
  }
}

export function acquireAnswer(
  outcome: Exclude<AcquireOutcome, { kind: 'closed' }>,
  asked: AcquireRequest,
  { metrics }: Pick<RouteContext, 'metrics'>,
): AcquireReply | Problem {
  if (outcome.kind === 'granted') return leaseBody(outcome.lease)
  if (outcome.kind === 'overloaded') metrics.shed('waiters')
  return acquireProblem(outcome, asked)
}

export const exampleLease: AcquireReply = {
  state: 'held',
  leaseId: '3f0a3c52-8f5e-4a64-9d2c-0d2f3a1b4c5d',
  semaphore: 'reports',
  permits: 1,
  fence: 1_767_225_600_000_000,
  ttlMs: 30_000,
  expiresInMs: 30_000,
  waitedMs: 0,
  expiresAt: '2026-01-01T00:00:30.000Z',
}

function leaseBody(lease: HeldLease): AcquireReply {
  const { limitMismatch } = lease
  const body: AcquireReply = {
    state: 'held',
    leaseId: lease.leaseId,
    semaphore: lease.semaphore,
    permits: lease.permits,
    fence: lease.fence,
    ttlMs: lease.ttlMs,
    expiresInMs: lease.expiresInMs,
    waitedMs: lease.waitedMs,
    expiresAt: new Date(lease.deadlineMs).toISOString(),
  }
  return limitMismatch === null ? body : { ...body, limitMismatch: { limit: limitMismatch } }
}
