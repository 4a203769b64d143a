import * as openTelemetry from '@opentelemetry/api'
import { context, propagation, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { PermitsUnavailableError } from '../src/index.js'
import { connect, startService } from './service.js'
import { cut, Wire } from './wire.js'

async function start(given = openTelemetry) {
  const service = await startService()
  const wire = new Wire()
  return { service, wire, ...connect(service, { fetch: wire.fetch, openTelemetry: given, apiKey: 'mine' }) }
}

const traceparents = ({ sent }: Wire) => sent.map(({ headers }) => headers['traceparent'])

describe('before OpenTelemetry is set up', () => {
  it('nothing is sent of it, and run does what it does', async () => {
    const { client, wire } = await start()
    expect(await client.semaphore('reports', 1).run((lease) => lease.permits)).toBe(1)
    expect(traceparents(wire)).toEqual([undefined, undefined])
  })
})

describe('with OpenTelemetry', () => {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })

  beforeAll(() => {
    trace.setGlobalTracerProvider(provider)
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  })
  afterEach(() => exporter.reset())
  afterAll(async () => {
    await provider.shutdown()
    for (const api of [trace, context, propagation]) api.disable()
  })

  const tracer = () => trace.getTracer('test')
  const idOf = (traceparent: string | undefined) => traceparent?.split('-')[1]

  it('every request carries the trace of who made it, repeats and renewals too', async () => {
    const { client, wire } = await start()
    const semaphore = client.semaphore('reports', 1)
    let isCut = false
    wire.before = () => {
      if (isCut) return
      isCut = true
      cut()
    }
    await tracer().startActiveSpan('job', async (span) => {
      const lease = await semaphore.acquire({ ttlMs: 300 })
      await vi.waitFor(() => expect(wire.calls('renew')).not.toEqual([]))
      await lease.release()
      span.end()
      const { traceId, spanId } = span.spanContext()
      expect(wire.calls('acquire')).toHaveLength(2)
      for (const traceparent of traceparents(wire)) expect(traceparent).toBe(`00-${traceId}-${spanId}-01`)
    })
    for (const { headers } of wire.sent) expect(headers['authorization']).toBe('Bearer mine')
    await semaphore.tryAcquire()
    expect(traceparents(wire).at(-1)).toBeUndefined()
  })

  it('so do requests that others of the same turn make beside them, and a batch carries that of its first call', async () => {
    const { client, wire } = await start()
    const semaphore = client.semaphore('reports', 5)
    // Renewed within a time of its own, so by a request of its own.
    const lease = await semaphore.acquire({ ttlMs: 1_200 })
    const within = (calls: (() => Promise<unknown>)[]) =>
      calls.map((call) =>
        tracer().startActiveSpan('job', async (span) => {
          await call().finally(() => span.end())
          return span.spanContext().traceId
        }),
      )
    const acquire = () => semaphore.acquire()
    const [renewed, first, second] = await Promise.all(within([() => lease.renew(), acquire, acquire]))
    expect(wire.calls('renew').map(({ headers }) => idOf(headers['traceparent']))).toEqual([renewed])
    expect(wire.calls('batch').map(({ headers }) => idOf(headers['traceparent']))).toEqual([first])
    expect(second).not.toBe(first)
  })

  it('run is a span around its requests and its work, with the fence and the wait', async () => {
    const { client, wire } = await start()
    const semaphore = client.semaphore('reports', 3)
    const seen = await semaphore.run({ permits: 2 }, (lease) => ({
      fence: lease.fence,
      span: trace.getActiveSpan()?.spanContext().spanId,
    }))
    const [span] = exporter.getFinishedSpans()
    expect(span).toMatchObject({
      name: 'semaphore run',
      attributes: { 'signalbox.semaphore': 'reports', 'signalbox.permits': 2, 'signalbox.fence': seen.fence },
      events: [{ name: 'held', attributes: { 'signalbox.waited_ms': expect.any(Number) as number } }],
      status: { code: SpanStatusCode.UNSET },
    })
    const { traceId, spanId } = span?.spanContext() ?? {}
    expect(seen.span).toBe(spanId)
    expect(wire.sent.map(({ call }) => call)).toEqual(['acquire', 'release'])
    expect(traceparents(wire).map(idOf)).toEqual([traceId, traceId])
  })

  it('what run rejects with is in its span, and what it rejects with', async () => {
    const { client } = await start()
    const semaphore = client.semaphore('reports', 1)
    await expect(semaphore.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await semaphore.acquire()
    await expect(semaphore.run({ waitMs: 0 }, () => 1)).rejects.toBeInstanceOf(PermitsUnavailableError)
    const spans = exporter.getFinishedSpans()
    expect(spans.map(({ status }) => status.code)).toEqual([SpanStatusCode.ERROR, SpanStatusCode.ERROR])
    expect(spans.map(({ events }) => events.map(({ name }) => name))).toEqual([['held', 'exception'], ['exception']])
  })

  it('a propagator that throws costs its headers, and no request', async () => {
    const broken = { ...openTelemetry, propagation: { inject: () => cut() } }
    const service = await startService()
    const { client } = connect(service, { openTelemetry: broken })
    await expect(client.semaphore('reports', 1).acquire()).resolves.toMatchObject({ permits: 1 })
  })
})
