import { request } from 'node:http'
import { describe, expect, test, vi } from 'vitest'
import { apiKey, leaseId } from './open-service.js'
import { run, timeout } from './run-service.js'
import { receiveSpans } from './span-receiver.js'

const patience = { timeout, interval: 20 }
/** Spans go out at the stop at the latest, and in most tests only then. */
const json = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_BSP_SCHEDULE_DELAY: '60000' }

async function serve(env: Record<string, string>) {
  const service = run(env)
  const at = await service.url()
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(`${at}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  return {
    ...service,
    at,
    post,
    async stop() {
      service.child.kill('SIGTERM')
      expect(await service.ended).toBe(0)
    },
  }
}

const acquire = 'POST /v1/semaphores/{name}/acquire'

test('a call is one span: in the trace of its caller, with the fence, and the wait as an event', async () => {
  const { url, spans, received } = await receiveSpans()
  const { at, post, stop } = await serve({ ...json, OTEL_EXPORTER_OTLP_ENDPOINT: url })
  const [first, second] = [leaseId(), leaseId()]
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  await post('/v1/semaphores/a/acquire', { leaseId: first, create: { limit: 1 }, permits: 1 })
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`
  const waiting = post('/v1/semaphores/a/acquire', { leaseId: second, waitMs: 20_000 }, { traceparent })
  await vi.waitFor(async () => {
    const state = (await (await fetch(`${at}/v1/semaphores/a`)).json()) as { waiting: number; oldestWaitMs: number }
    expect(state.waiting).toBe(1)
    expect(state.oldestWaitMs).toBeGreaterThan(10)
  }, patience)
  await post('/v1/semaphores/a/release', { leaseId: first })
  const lease = (await (await waiting).json()) as { fence: number; waitedMs: number }
  await post('/v1/semaphores/a/renew', { leaseId: second, ttlMs: 60_000 })
  expect((await post('/v1/semaphores/a/acquire', {})).status).toBe(429)
  await fetch(`${at}/healthz`)
  await fetch(`${at}/metrics`)
  await fetch(`${at}/none`)
  await stop()

  const all = spans()
  const granted = all.filter(({ traceId: id }) => id === traceId)
  expect(granted).toMatchObject([
    {
      name: acquire,
      kind: 2,
      parentSpanId: 'b7ad6b7169203331',
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/semaphores/{name}/acquire',
        'http.response.status_code': 200,
        'signalbox.semaphore': 'a',
        'signalbox.outcome': 'granted',
        'signalbox.permits': 1,
        'signalbox.fence': lease.fence,
      },
      events: [{ name: 'waited', attributes: { 'signalbox.waited_ms': lease.waitedMs } }],
      resource: { 'service.name': 'signalbox' },
    },
  ])
  const acquires = all.filter(({ name }) => name === acquire)
  expect(acquires).toHaveLength(3)
  expect(acquires.map(({ attributes, events }) => [attributes['signalbox.code'], events.length])).toEqual(
    expect.arrayContaining([
      [undefined, 0],
      [undefined, 1],
      ['PERMITS_UNAVAILABLE', 0],
    ]),
  )
  const of = (name: string) => all.filter((span) => span.name === `POST /v1/semaphores/{name}/${name}`)
  expect(of('release')).toMatchObject([{ attributes: { 'signalbox.outcome': 'released' } }])
  expect(of('renew')).toMatchObject([{ attributes: { 'signalbox.fence': lease.fence } }])
  expect(all.filter(({ status }) => (status.code ?? 0) !== 0)).toEqual([])
  expect(new Set(all.map(({ name }) => name.split(' ')[1]?.slice(0, 4)))).toEqual(new Set(['/v1/']))
  const sent = received.map(({ body }) => String(body)).join('')
  for (const id of [first, second]) expect(sent).not.toContain(id)
  expect(received.map(({ path }) => path)).toEqual(received.map(() => '/v1/traces'))
})

test('a batch is one span, with an event for each of its calls', async () => {
  const { url, spans } = await receiveSpans()
  const { post, stop } = await serve({ ...json, OTEL_EXPORTER_OTLP_ENDPOINT: url })
  const create = { limit: 1 }
  const calls = ['a', 'b', 'a'].map((semaphore) => ({
    call: 'acquire',
    semaphore,
    leaseId: leaseId(),
    waitMs: 60_000,
    create,
  }))
  const { answers } = (await (await post('/v1/batch', { calls })).json()) as { answers: { body: { fence?: number } }[] }
  await stop()
  const [first, second] = answers.map(({ body }) => body.fence)
  expect(spans()).toMatchObject([{ name: 'POST /v1/batch' }])
  const events = spans()[0]?.events.map(({ name, attributes }) => [
    name,
    attributes['signalbox.semaphore'],
    attributes['signalbox.outcome'],
    attributes['signalbox.fence'],
  ])
  expect(events?.sort()).toEqual([
    ['acquire', 'a', 'granted', first],
    ['acquire', 'a', 'still_waiting', undefined],
    ['acquire', 'b', 'granted', second],
  ])
})

test('a fault is an error, a refusal is none, and a caller who left shows', async () => {
  const { url, has } = await receiveSpans()
  const { at, post, stop } = await serve({
    ...json,
    OTEL_BSP_SCHEDULE_DELAY: '20',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/elsewhere`,
    OTEL_SERVICE_NAME: 'permits',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    // Nobody is there.
    REDIS_URL: 'redis://127.0.0.1:1',
    SIGNALBOX_COMMAND_TIMEOUT_MS: '200',
    SIGNALBOX_API_KEYS: key.line,
  })
  await post('/v1/semaphores/a/acquire', {}, key.headers)
  await post('/v1/semaphores/a/acquire', {})
  const [failed, refused] = await has(2)
  expect(failed).toMatchObject({
    status: { code: 2 },
    attributes: { 'error.type': 'STORE_UNAVAILABLE', 'http.response.status_code': 503 },
    resource: { 'service.name': 'permits', 'deployment.environment.name': 'test' },
  })
  expect(refused?.attributes).toMatchObject({ 'signalbox.code': 'UNAUTHENTICATED', 'http.response.status_code': 401 })
  expect(refused?.status.code ?? 0).toBe(0)
  const { port } = new URL(at)
  const headers = { ...key.headers, 'content-type': 'application/json' }
  const left = request({ port, path: '/v1/semaphores/a/acquire', method: 'POST', headers, agent: false })
  left.on('error', () => undefined)
  // The body never comes to its end.
  left.write('{')
  await vi.waitFor(() => expect(left.socket?.bytesWritten).toBeGreaterThan(0), patience)
  left.destroy()
  expect((await has(3))[2]?.attributes).toMatchObject({ 'signalbox.abandoned': true })
  await stop()
})

const key = apiKey(['acquire'])

test('protobuf is what is sent if nothing else is asked for, with the headers that are', async () => {
  const { url, received } = await receiveSpans()
  const { post, stop } = await serve({
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=seven',
  })
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  await post('/v1/semaphores/a/acquire', {}, { traceparent: `00-${traceId}-b7ad6b7169203331-01` })
  await stop()
  expect(received).toMatchObject([
    { path: '/v1/traces', type: 'application/x-protobuf', headers: { 'x-tenant': 'seven' } },
  ])
  expect(received[0]?.body.includes(Buffer.from(traceId, 'hex'))).toBe(true)
  expect(received[0]?.body.includes(acquire)).toBe(true)
})

test('a caller whose trace is not sampled has no span', async () => {
  const { url, spans } = await receiveSpans()
  const { post, stop } = await serve({ ...json, OTEL_EXPORTER_OTLP_ENDPOINT: url })
  const trace = '0af7651916cd43dd8448eb211c8031'
  for (const flag of ['00', '01'])
    await post('/v1/semaphores/a/acquire', {}, { traceparent: `00-${trace}${flag}-b7ad6b7169203331-${flag}` })
  await stop()
  expect(spans().map(({ traceId }) => traceId)).toEqual([`${trace}01`])
})

test('a collector that takes nothing costs a line in the log, and no caller anything', async () => {
  const { url, received } = await receiveSpans(400)
  const { post, stop, output } = await serve({
    ...json,
    OTEL_BSP_SCHEDULE_DELAY: '20',
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
  })
  await vi.waitFor(async () => {
    expect((await post('/v1/semaphores/a/acquire', { create: { limit: 1_000 } })).status).toBe(200)
    expect(received.length).toBeGreaterThan(3)
    expect(output()).toContain('OpenTelemetry: ')
  }, patience)
  await stop()
  expect(output().match(/OpenTelemetry: /g)).toHaveLength(1)
})

test('a collector that is not there holds no stop up', async () => {
  const { post, stop } = await serve({ ...json, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' })
  expect((await post('/v1/semaphores/a/acquire', {})).status).toBe(404)
  await stop()
})

describe('what is not asked for', () => {
  /** Says at its end how much of OpenTelemetry's SDK it has loaded (of its interface, prom-client loads some). */
  const counting = `data:text/javascript,${encodeURIComponent(`
    import Module from 'node:module'
    process.on('exit', () => {
      const loaded = Object.keys(Module._cache).filter((path) => /@opentelemetry.(sdk|otlp|exporter|core|resources)/.test(path))
      console.log('loaded ' + loaded.length)
    })`)}`
  const loadedWith = async (env: Record<string, string>) => {
    const { stop, output } = await serve({ ...env, NODE_OPTIONS: `--import=${counting}` })
    await stop()
    return { loaded: Number(/loaded (\d+)/.exec(output())?.[1]), output: output() }
  }

  test.each([
    ['without a variable', {}],
    ['with the exporter none', { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }],
    ['with the SDK disabled', { OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }],
  ])('%s nothing of it is loaded', async (_what, env) => {
    const { loaded, output } = await loadedWith(env)
    expect(loaded).toBe(0)
    expect(output).not.toContain('OTEL_')
  })

  test('and it is, where it is asked for', async () => {
    expect((await loadedWith({ OTEL_TRACES_EXPORTER: 'otlp' })).loaded).toBeGreaterThan(10)
  })

  test.each([
    ['OTEL_TRACES_EXPORTER', 'console'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
  ])('%s=%s is warned of, and the service serves', async (variable, value) => {
    const { loaded, output } = await loadedWith({ OTEL_TRACES_EXPORTER: 'otlp', [variable]: value })
    expect(loaded).toBe(0)
    expect(output).toContain(`${variable} is \\"${value}\\"`)
  })
})
