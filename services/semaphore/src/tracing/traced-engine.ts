import type { AsyncLocalStorage } from 'node:async_hooks'
import type { Attributes } from '@opentelemetry/api'
import type { AcquireOutcome, AcquireRequest, Engine } from '@signalbox/engine'

/** What a span is told of the engine's calls that are made on its way: one, or in a batch many. */
export interface CallNotes {
  became(operation: string, semaphore: string, attributes: Attributes): void
  waited(waitedMs: number): void
}

/** The same engine, and whoever is on the way of a call learns what became of it: the fence, and how long was waited. */
export function tracedEngine(engine: Engine, current: AsyncLocalStorage<CallNotes>): Engine {
  return {
    ...engine,
    get waiting() {
      return engine.waiting
    },
    get storeCalls() {
      return engine.storeCalls
    },
    acquire(request) {
      const notes = current.getStore()
      const attempt = engine.acquire(request)
      if (notes === undefined) return attempt
      const beganAtMs = performance.now()
      attempt.outcome.then(
        (outcome) => noteOutcome(notes, request, outcome, performance.now() - beganAtMs),
        // The store did not answer: the status says it.
        () => undefined,
      )
      return attempt
    },
    async release(call) {
      const reply = await engine.release(call)
      current.getStore()?.became('release', call.semaphore, { 'signalbox.outcome': reply.kind })
      return reply
    },
    async renew(call) {
      const reply = await engine.renew(call)
      const fence = reply.kind === 'renewed' ? { 'signalbox.fence': reply.lease.fence } : {}
      current.getStore()?.became('renew', call.semaphore, { 'signalbox.outcome': reply.kind, ...fence })
      return reply
    },
  }
}

function noteOutcome(notes: CallNotes, request: AcquireRequest, outcome: AcquireOutcome, tookMs: number): void {
  const isGranted = outcome.kind === 'granted'
  notes.became('acquire', request.semaphore, {
    'signalbox.outcome': outcome.kind,
    'signalbox.permits': request.permits,
    ...(isGranted ? { 'signalbox.fence': outcome.lease.fence } : {}),
  })
  if (request.waitMs === 0 || request.isAnsweredAtOnce === true) return
  const waitedMs = isGranted ? outcome.lease.waitedMs : Math.floor(tookMs)
  if (waitedMs > 0) notes.waited(waitedMs)
}
