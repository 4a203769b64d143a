import { StoreUnavailableError } from '@signalbox/engine'
import {
  accessReply,
  healthReply,
  readyReply,
  scopes,
  type AccessReply,
  type HealthReply,
  type ReadyReply,
} from '@signalbox/protocol'
import { ProblemError } from '../problem.js'
import { cleaned } from '../shown.js'
import type { RouteContext } from './context.js'
import { defineRoute, type Route } from './route.js'

const health: HealthReply = { status: 'ok' }

export function healthRoute(): Route {
  return defineRoute({
    method: 'GET',
    path: '/healthz',
    operationId: 'health',
    summary: 'Whether the process is alive',
    tag: 'service',
    scope: null,
    anyQuery: true,
    replies: [{ status: 200, description: 'It is', schema: healthReply, example: health }],
    codes: [],
    handle: () => health,
  })
}

export function readyRoute({ engine, isStopping }: RouteContext): Route {
  const example: ReadyReply = { status: 'ready', store: 'redis 7.4.1 at 10.0.0.7:6379' }
  return defineRoute({
    method: 'GET',
    path: '/readyz',
    operationId: 'ready',
    summary: 'Whether this replica can serve: it reaches its store and is not stopping',
    tag: 'service',
    scope: null,
    anyQuery: true,
    replies: [{ status: 200, description: 'It can', schema: readyReply, example }],
    codes: ['STORE_UNAVAILABLE', 'SHUTTING_DOWN'],
    async handle() {
      if (isStopping()) throw new ProblemError('SHUTTING_DOWN', 'This replica is stopping.', { retryAfterMs: 0 })
      try {
        const store = await engine.ping()
        const recoversInMs = engine.guardMs()
        // Still 200: a guard is on at every replica, and with all of them taken out callers would be told nothing at all.
        return (
          recoversInMs === 0 ? { status: 'ready', store } : { status: 'recovering', store, recoversInMs }
        ) satisfies ReadyReply
      } catch (error) {
        // Not ready whatever it was: a bug in asking must not look like a store that answers. But only of an outage the words are known to
        // hold no secret.
        const why = error instanceof StoreUnavailableError ? `: ${cleaned(error.message)}` : ''
        const detail = `The store cannot be reached${why}.`
        throw new ProblemError('STORE_UNAVAILABLE', detail, { retryAfterMs: 1_000 }, { cause: error })
      }
    },
  })
}

export function accessRoute(): Route {
  const example: AccessReply = { key: 'ci', scopes: ['acquire'], prefix: 'billing:' }
  return defineRoute({
    method: 'GET',
    path: '/v1/access',
    operationId: 'access',
    summary: 'What the caller may do',
    description: 'Before it is tried: which scopes the key has, and the beginning of the names it reaches.',
    tag: 'service',
    scope: 'any',
    replies: [{ status: 200, description: 'What it may do', schema: accessReply, example }],
    codes: [],
    handle: ({ keyName, keyScopes, keyPrefix }) =>
      ({
        key: keyName,
        scopes: scopes.filter((scope) => keyScopes?.has(scope) ?? true),
        prefix: keyPrefix,
      }) satisfies AccessReply,
  })
}

export function metricsRoute({ engine, metrics, settings }: RouteContext): Route {
  return defineRoute({
    method: 'GET',
    path: '/metrics',
    operationId: 'metrics',
    summary: 'Metrics for Prometheus',
    tag: 'service',
    scope: 'inspect',
    anyQuery: true,
    replies: [{ status: 200, description: 'In the text format', contentType: 'text/plain' }],
    codes: [],
    async handle({ keyPrefix, raw }, reply) {
      reply.header('content-type', metrics.contentType)
      return metrics.render(engine, {
        prefix: keyPrefix,
        semaphoresMax: settings.metricsSemaphoresMax,
        isGone: () => raw.socket.destroyed,
      })
    },
  })
}

/** `document` is asked for at the first call: it describes all routes, this one too. */
export function openApiRoute(document: () => string): Route {
  return defineRoute({
    method: 'GET',
    path: '/openapi.json',
    operationId: 'openApi',
    summary: 'This document',
    tag: 'service',
    scope: 'inspect',
    anyQuery: true,
    replies: [{ status: 200, description: 'OpenAPI 3.1', contentType: 'application/json' }],
    codes: [],
    handle: (_request, reply) => reply.type('application/json').send(document()),
  })
}
