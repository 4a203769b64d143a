import type { AsyncLocalStorage } from 'node:async_hooks'
import type { AcquireOutcome, AcquireRequest, Engine } from '@signalbox/engine'
import type { Span } from '@opentelemetry/api'

/** The same engine, and the span of the call that asks it learns what became of it: the fence, and how long was waited. */
export function tracedEngine(engine: Engine, current: AsyncLocalStorage<Span>): Engine {
  return {
    ...engine,
    get waiting() {
      return engine.waiting
    },
    get storeCalls() {
      return engine.storeCalls
    },
    acquire(request) {
      const span = current.getStore()
      const attempt = engine.acquire(request)
      if (span === undefined) return attempt
      const beganAtMs = performance.now()
      attempt.outcome.then(
        (outcome) => noteOutcome(span, request, outcome, performance.now() - beganAtMs),
        // The store did not answer: the status says it.
        () => undefined,
      )
      return attempt
    },
    async release(call) {
      const reply = await engine.release(call)
      current.getStore()?.setAttribute('signalbox.outcome', reply.kind)
      return reply
    },
    async renew(call) {
      const reply = await engine.renew(call)
      const span = current.getStore()
      span?.setAttribute('signalbox.outcome', reply.kind)
      if (reply.kind === 'renewed') span?.setAttribute('signalbox.fence', reply.lease.fence)
      return reply
    },
  }
}

function noteOutcome(span: Span, request: AcquireRequest, outcome: AcquireOutcome, tookMs: number): void {
  const isGranted = outcome.kind === 'granted'
  span.setAttributes({ 'signalbox.outcome': outcome.kind, 'signalbox.permits': request.permits })
  if (isGranted) span.setAttribute('signalbox.fence', outcome.lease.fence)
  const waitedMs = isGranted ? outcome.lease.waitedMs : Math.floor(tookMs)
  if (request.waitMs > 0 && waitedMs > 0) span.addEvent('waited', { 'signalbox.waited_ms': waitedMs })
}
