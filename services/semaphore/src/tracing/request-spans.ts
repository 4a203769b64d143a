import type { AsyncLocalStorage } from 'node:async_hooks'
import {
  defaultTextMapGetter,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Span,
  type TextMapPropagator,
  type Tracer,
} from '@opentelemetry/api'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { CallNotes } from './traced-engine.js'

export interface SpanTools {
  readonly tracer: Tracer
  readonly propagator: TextMapPropagator
  /** For the request that is being handled. */
  readonly current: AsyncLocalStorage<CallNotes>
}

/**
 * One span for each call of the API, from its arrival until its answer is sent, or its caller gone. Not of health checks and scrapes, which
 * nobody looks for. No path is in it, nor a lease id: people put keys into paths by mistake.
 */
export function addRequestSpans(app: FastifyInstance, { tracer, propagator, current }: SpanTools): void {
  const spans = new WeakMap<FastifyRequest, Span>()

  app.addHook('onRequest', (request, reply, done) => {
    const { url, method } = request.routeOptions
    if (url?.startsWith('/v1/') !== true) {
      done()
      return
    }
    const route = url.replaceAll(/:(\w+)/g, '{$1}')
    const parent = propagator.extract(ROOT_CONTEXT, request.headers, defaultTextMapGetter)
    const attributes = {
      'http.request.method': request.method,
      'http.route': route,
      'signalbox.request_id': request.id,
    }
    const name = `${String(method)} ${route}`
    const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent)
    spans.set(request, span)
    reply.raw.once('close', () => {
      const { statusCode, writableFinished } = reply.raw
      span.setAttribute('http.response.status_code', statusCode)
      if (request.refusedWith !== null) span.setAttribute('signalbox.code', request.refusedWith)
      if (!writableFinished) span.setAttribute('signalbox.abandoned', true)
      if (statusCode >= 500) {
        span.setAttribute('error.type', request.refusedWith ?? String(statusCode))
        span.setStatus({ code: SpanStatusCode.ERROR })
      }
      span.end()
    })
    done()
  })

  // The last step before the handler, for what runs when a body has arrived no longer runs where the request began.
  app.addHook('preHandler', (request, _reply, done) => {
    const span = spans.get(request)
    if (span === undefined) {
      done()
      return
    }
    const { params } = request
    if (typeof params === 'object' && params !== null && 'name' in params) {
      span.setAttribute('signalbox.semaphore', String(params.name))
      current.run(notesOfOne(span), done)
    } else {
      current.run(notesOfMany(span), done)
    }
  })
}

function notesOfOne(span: Span): CallNotes {
  return {
    became: (_operation, _semaphore, attributes) => void span.setAttributes(attributes),
    waited: (waitedMs) => void span.addEvent('waited', { 'signalbox.waited_ms': waitedMs }),
  }
}

/** Of a batch: an event for each, as each has another fence. None of them waits. */
function notesOfMany(span: Span): CallNotes {
  return {
    became: (operation, semaphore, attributes) =>
      void span.addEvent(operation, { 'signalbox.semaphore': semaphore, ...attributes }),
    waited: () => undefined,
  }
}
