import type { SemaphoreState } from '@signalbox/engine'
import { semaphoreReply, type SemaphoreReply } from '@signalbox/protocol'
import { invalidField } from '../invalid-request.js'
import { Problem, problemReply } from '../problem.js'
import type { RouteContext } from './context.js'
import { notFoundReply } from './not-found.js'
import { defineRoute, storeCodes, type Route } from './route.js'

const path = '/v1/semaphores/{name}'

export const exampleSemaphore: SemaphoreReply = {
  name: 'reports',
  limit: 3,
  bounded: true,
  used: 2,
  available: 1,
  waiting: 0,
  oldestWaitMs: 0,
}

/** After the limit was lowered more may be in use than it allows: then none is available, not a negative number. */
export function semaphoreBody(state: SemaphoreState): SemaphoreReply {
  const { name, limit, bounded, used, waiting, oldestWaitMs } = state
  return { name, limit, bounded, used, available: Math.max(0, limit - used), waiting, oldestWaitMs }
}

const ok = { status: 200, description: 'The semaphore', schema: semaphoreReply, example: exampleSemaphore }

export function inspectRoute({ engine }: RouteContext): Route {
  return defineRoute({
    method: 'GET',
    path,
    operationId: 'inspect',
    summary: 'Look at one semaphore',
    tag: 'semaphores',
    scope: 'inspect',
    isShedFirst: true,
    replies: [ok],
    codes: ['SEMAPHORE_NOT_FOUND', ...storeCodes],
    async handle({ params }, reply) {
      const outcome = await engine.inspect({ semaphore: params.name })
      return outcome.kind === 'state' ? semaphoreBody(outcome.state) : notFoundReply(reply, params.name)
    },
  })
}

export function configureRoute({ engine, schemas }: RouteContext): Route {
  return defineRoute({
    method: 'PUT',
    path,
    operationId: 'configure',
    summary: 'Define or resize a semaphore',
    description: 'A lowered limit revokes nothing. `bounded` left out keeps what it was (true if new).',
    tag: 'semaphores',
    scope: 'admin',
    body: schemas.configure,
    bodyExample: { limit: 3 },
    replies: [ok, { ...ok, status: 201, description: 'It is new' }],
    codes: [...storeCodes],
    async handle(request, reply) {
      const { params, body } = request
      const bounded = body.bounded ?? null
      // For the audit alone, so not part of the transition: of two operators at once both may see the same.
      const before = await engine.inspect({ semaphore: params.name })
      const limitBefore = before.kind === 'state' ? before.state.limit : null
      request.audited = { limitBefore, limit: body.limit }
      const outcome = await engine.configure({ semaphore: params.name, limit: body.limit, bounded })
      request.audited = { limitBefore, limit: outcome.state.limit, bounded: outcome.state.bounded }
      if (outcome.kind === 'created') reply.code(201)
      return semaphoreBody(outcome.state)
    },
  })
}

export function addPermitsRoute({ engine, schemas, settings }: RouteContext): Route {
  return defineRoute({
    method: 'POST',
    path: `${path}/add-permits`,
    operationId: 'addPermits',
    summary: 'Grow a counting semaphore',
    description: "The release without a lease that asyncio's Semaphore has: the limit grows, for good.",
    tag: 'semaphores',
    scope: 'admin',
    body: schemas.addPermits,
    bodyExample: { permits: 1, requestId: '9b2f6a30-2d52-4d0b-8f0e-6a5b7c8d9e0f' },
    replies: [ok],
    codes: ['SEMAPHORE_NOT_FOUND', 'RELEASED_TOO_MANY_TIMES', ...storeCodes],
    async handle(request, reply) {
      const { params, body } = request
      const semaphore = params.name
      request.audited = { permits: body.permits }
      const { limitMax } = settings.limits
      const requestId = body.requestId.toLowerCase()
      const outcome = await engine.addPermits({ semaphore, permits: body.permits, requestId, limitMax })
      switch (outcome.kind) {
        case 'state':
          request.audited = { permits: body.permits, limit: outcome.state.limit }
          return semaphoreBody(outcome.state)
        case 'semaphore_not_found':
          return notFoundReply(reply, semaphore)
        case 'released_too_many_times': {
          const { limit } = outcome
          const detail = `Semaphore "${semaphore}" is bounded: its limit stays ${limit}.`
          return problemReply(reply, new Problem('RELEASED_TOO_MANY_TIMES', detail, { semaphore, limit }))
        }
        case 'limit_too_large': {
          const grown = outcome.limit + body.permits
          throw invalidField(
            '/permits',
            `The field "permits" would make the limit ${grown}; the largest is ${limitMax}`,
          )
        }
      }
    },
  })
}

export function removeRoute({ engine, schemas }: RouteContext): Route {
  return defineRoute({
    method: 'DELETE',
    path,
    operationId: 'remove',
    summary: 'Delete a semaphore',
    description:
      'Its waiters get 404. Leases held are void then, so with any it must be forced: a second crew may start.',
    tag: 'semaphores',
    scope: 'admin',
    query: schemas.remove,
    replies: [{ status: 204, description: 'It is gone' }],
    codes: ['SEMAPHORE_NOT_FOUND', 'SEMAPHORE_IN_USE', ...storeCodes],
    async handle(request, reply) {
      const { params, query } = request
      const semaphore = params.name
      request.audited = { force: query.force }
      const outcome = await engine.remove({ semaphore, force: query.force })
      switch (outcome.kind) {
        case 'removed':
          return reply.code(204).send()
        case 'semaphore_not_found':
          return notFoundReply(reply, semaphore)
        case 'in_use': {
          const { used } = outcome
          request.audited = { force: query.force, used }
          const detail = `Semaphore "${semaphore}" has ${used} permits in use: release them, or say force=true and make their leases void.`
          return problemReply(reply, new Problem('SEMAPHORE_IN_USE', detail, { semaphore, used }))
        }
      }
    },
  })
}
