import { connect, type Server } from 'node:net'
import { createMemoryStore, StoreUnavailableError, type Store } from '@signalbox/engine'
import { defaultAppSettings } from '@signalbox/semaphore-service'
import { pino } from 'pino'
import { describe, expect, test, vi } from 'vitest'
import { apiKey, leaseId, openService, type OpenService, type ProblemBody } from './open-service.js'

const aNumber: unknown = expect.any(Number)

type Call = Record<string, unknown>
interface Answer {
  readonly status: number
  readonly body: Partial<ProblemBody>
}

async function send(service: OpenService, calls: readonly unknown[], headers?: Record<string, string>) {
  const response = await service.call('POST', '/v1/batch', { calls }, headers)
  return { response, answers: response.statusCode === 200 ? response.json<{ answers: Answer[] }>().answers : [] }
}

const acquire = (semaphore: string, more: Call = {}): Call => ({
  call: 'acquire',
  semaphore,
  leaseId: leaseId(),
  create: { limit: 1 },
  ...more,
})
const release = (semaphore: string, id: unknown): Call => ({ call: 'release', semaphore, leaseId: id })

/** The memory store, with one call of it as the test says. */
function storeWith(changed: (store: Store) => Partial<Store>): Store {
  const store = createMemoryStore()
  return { ...store, ...changed(store) }
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)))
}

describe('a batch', () => {
  test('answers each call as its plain route does, in their order', async () => {
    const service = openService()
    const [held, other] = [leaseId(), leaseId()]
    await service.acquire('a', { leaseId: held, create: { limit: 2 } })
    const headers = { 'x-request-id': 'same' }
    const { response, answers } = await send(
      service,
      [
        { call: 'renew', semaphore: 'a', leaseId: held.toUpperCase(), ttlMs: 60_000 },
        acquire('a', { leaseId: other, create: { limit: 5 }, ttlMs: 50_000, holder: 'me' }),
        release('a', leaseId()),
        acquire('b', { permits: 2 }),
        release('c', held),
        acquire('unknown', { create: undefined }),
      ],
      headers,
    )
    expect(response.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-request-id': 'same',
    })
    expect(answers.map(({ status, body }) => [status, body.code ?? body['state']])).toEqual([
      [200, 'held'],
      [200, 'held'],
      [410, 'LEASE_NOT_HELD'],
      [409, 'PERMITS_EXCEED_LIMIT'],
      [410, 'LEASE_NOT_HELD'],
      [404, 'SEMAPHORE_NOT_FOUND'],
    ])
    const again = async (path: string, body: object) =>
      (await service.call('POST', `/v1/semaphores/${path}`, body, headers)).json<object>()
    expect(answers[2]?.body).toEqual(await again('a/release', { leaseId: leaseId() }))
    expect(answers[3]?.body).toEqual(await again('b/acquire', { permits: 2, create: { limit: 1 } }))
    expect(answers[5]?.body).toEqual(await again('unknown/acquire', {}))
    expect(answers[1]?.body).toMatchObject({
      ...{ leaseId: other, semaphore: 'a', permits: 1, ttlMs: 50_000, waitedMs: 0, limitMismatch: { limit: 2 } },
    })
    expect(answers[0]?.body).toMatchObject({ leaseId: held, ttlMs: 60_000, expiresInMs: 60_000 })
  })

  test('gives a lease without an id one, and the defaults to what is left out', async () => {
    const service = openService()
    const { answers } = await send(service, [{ call: 'acquire', semaphore: 'a', create: { limit: 1 } }])
    expect(answers[0]?.body).toMatchObject({
      state: 'held',
      leaseId: expect.any(String) as unknown,
      permits: 1,
      ttlMs: 30_000,
    })
  })

  test('waits for nobody: who queues is told its place at once, which is kept until it comes back', async () => {
    let asked = 0
    const store = storeWith((real) => ({
      acquire: async (call) => {
        asked += 1
        return await real.acquire(call)
      },
    }))
    // A cap that is over at once: an acquire that waited for it would ask for its place once more.
    const service = openService({ store, engine: { capMs: 20 } })
    const [first, second, third] = [leaseId(), leaseId(), leaseId()]
    await service.acquire('a', { leaseId: first, create: { limit: 1 } })
    const { answers } = await send(service, [
      acquire('a', { leaseId: second, waitMs: 60_000 }),
      acquire('a', { leaseId: third, waitMs: 60_000 }),
      acquire('a'),
      acquire('b'),
    ])
    expect(answers.map(({ body }) => body.code ?? body['state'])).toEqual([
      'STILL_WAITING',
      'STILL_WAITING',
      'PERMITS_UNAVAILABLE',
      'held',
    ])
    expect(answers.map(({ body }) => body['position'])).toEqual([1, 2, undefined, undefined])
    expect(answers[2]?.body).toMatchObject({ limit: 1, used: 1, retryAfterMs: aNumber })
    expect(asked).toBe(5)
    await service.call('POST', '/v1/semaphores/a/release', { leaseId: first })
    const back = await service.acquire('a', { leaseId: second, waitMs: 60_000 })
    expect(back.json()).toMatchObject({ state: 'held', leaseId: second })
  })

  test('with a call that is not valid answers that one with the field, and leaves nothing of it', async () => {
    const service = openService()
    const wrong: [Call, string][] = [
      [acquire('a', { ttlMs: '1' }), '/ttlMs'],
      [acquire('a', { semaphore: 'no name' }), '/semaphore'],
      [acquire('a', { semaphore: undefined }), '/semaphore'],
      [acquire('a', { semaphore: 1 }), '/semaphore'],
      [acquire('a', { create: { limit: -1 } }), '/create/limit'],
      [acquire('a', { retire: true }), '/retire'],
      [release('a', 'x'), '/leaseId'],
      [{ call: 'renew', semaphore: 'a', leaseId: leaseId() }, '/ttlMs'],
    ]
    const { answers } = await send(service, [...wrong.map(([call]) => call), acquire('b')])
    expect(answers.map(({ body }) => body.errors?.map(({ pointer }) => pointer))).toEqual([
      ...wrong.map(([, pointer]) => [pointer]),
      undefined,
    ])
    expect(answers.map(({ status }) => status)).toEqual([...wrong.map(() => 400), 200])
    const { items } = await service.store.semaphores({ prefix: '', cursor: null, pageSize: 10 })
    expect(items.map(({ name }) => name)).toEqual(['b'])
  })

  test.each([
    ['no calls', [], '/calls'],
    ['too many calls', Array.from({ length: 129 }, () => acquire('a')), '/calls'],
    ['a call of another kind', [acquire('a'), { ...acquire('a'), call: 'remove' }], '/calls/1/call'],
    ['a call without a kind', [acquire('a'), { semaphore: 'a' }], '/calls/1/call'],
    ['a call that is none', [acquire('a'), 'acquire'], '/calls/1'],
  ])('with %s is none, and nothing of it is done', async (_what, calls, pointer) => {
    const service = openService()
    const { response } = await send(service, calls)
    expect(response.json()).toMatchObject({ code: 'INVALID_REQUEST', errors: [{ pointer }] })
    expect((await service.store.inspect({ semaphore: 'a' })).kind).toBe('semaphore_not_found')
  })

  test('says of 129 calls how many they may be', async () => {
    const { response } = await send(
      openService(),
      Array.from({ length: 129 }, () => acquire('a')),
    )
    expect(response.json<ProblemBody>().detail).toBe(
      'The field "calls" must be an array of at most 128, not an array of 129.',
    )
  })

  test('may be larger than other bodies, and has its own bound', async () => {
    const service = openService()
    const holder = '€'.repeat(250)
    const { answers } = await send(
      service,
      Array.from({ length: 120 }, (_none, index) => acquire(`a${index}`, { holder })),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(120)
    const { response } = await send(service, [acquire('a', { holder: 'x'.repeat(132_000) })])
    expect(response.json()).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', bodyBytesMax: 131_072 })
  })

  test('with a key for other names is told so call by call, and nothing else of those names', async () => {
    const { headers, stored } = apiKey(['acquire'], 'billing:')
    const service = openService({ settings: { apiKeys: stored } })
    const { answers } = await send(
      service,
      [acquire('mail:a'), acquire('billing:a'), acquire('mail:a', { ttlMs: 0 }), release('mail:a', leaseId())],
      headers,
    )
    expect(answers.map(({ body }) => body.code ?? body['state'])).toEqual([
      'FORBIDDEN',
      'held',
      'FORBIDDEN',
      'FORBIDDEN',
    ])
    expect((await service.store.inspect({ semaphore: 'mail:a' })).kind).toBe('semaphore_not_found')
  })

  test('at a replica with too much to do loses its acquires, and nothing else', async () => {
    const service = openService({ settings: { load: { ...defaultAppSettings.load, storeCallsMax: 0 } } })
    const held = leaseId()
    await service.engine.acquire({
      ...{ semaphore: 'a', leaseId: held, permits: 1, ttlMs: 60_000, waitMs: 0, holder: '' },
      create: { limit: 1, bounded: true, onConflict: 'keep' },
    }).outcome
    const { answers } = await send(service, [
      acquire('b'),
      { call: 'renew', semaphore: 'a', leaseId: held, ttlMs: 60_000 },
      release('a', held),
    ])
    expect(answers.map(({ body }) => body.code ?? body['state'])).toEqual(['OVERLOADED', 'held', 'released'])
    expect(answers[0]?.body.retryAfterMs).toBe(1_000)
    const { body } = await service.call('GET', '/metrics')
    expect(body).toContain('signalbox_requests_shed_total{excess="store_calls"} 1')
    expect(body).toMatch(/signalbox_http_request_seconds_count\{method="POST",route="\/v1\/batch",status="200"\} 1\n/)
  })

  test('at a replica that stops: acquires are sent elsewhere, releases go on', async () => {
    let isStopping = false
    const service = openService({ isStopping: () => isStopping })
    const held = leaseId()
    await service.acquire('a', { leaseId: held, create: { limit: 1 } })
    isStopping = true
    service.engine.stop()
    const { response, answers } = await send(service, [acquire('b'), release('a', held)])
    expect(answers.map(({ body }) => body.code ?? body['state'])).toEqual(['SHUTTING_DOWN', 'released'])
    expect(response.headers.connection).toBe('close')
  })

  test('of which some meet no store: those are 503, the others are answered', async () => {
    const store = storeWith((real) => ({
      acquire: async (call) => {
        if (call.semaphore === 'down') throw new StoreUnavailableError('gone')
        return await real.acquire(call)
      },
    }))
    const { answers } = await send(openService({ store }), [acquire('down'), acquire('a')])
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [503, 'STORE_UNAVAILABLE'],
      [200, undefined],
    ])
    expect(answers[0]?.body.retryAfterMs).toBe(1_000)
  })

  test('that meets a bug says nothing of it but where to look', async () => {
    const lines: string[] = []
    const logger = pino({ level: 'error' }, { write: (line) => lines.push(line) })
    const store = storeWith(() => ({ renew: () => Promise.reject(new Error('the secret cause')) }))
    const service = openService({ store, logger })
    const { response, answers } = await send(service, [
      { call: 'renew', semaphore: 'a', leaseId: leaseId(), ttlMs: 1_000 },
      acquire('a'),
    ])
    expect(answers.map(({ status }) => status)).toEqual([500, 200])
    expect(response.body).not.toContain('secret')
    expect(lines.filter((line) => line.includes('the secret cause'))).toHaveLength(1)
    // One that fails before there is anything to wait for.
    vi.spyOn(service.engine, 'acquire').mockImplementation(() => expect.unreachable())
    const again = await send(service, [acquire('a'), release('a', leaseId())])
    expect(again.answers.map(({ status }) => status)).toEqual([500, 410])
  })

  test('whose caller is gone before the answer leaves no lease and no place behind', async () => {
    let arrived = (): void => undefined
    const asked = new Promise<void>((resolve) => (arrived = resolve))
    let goOn = (): void => undefined
    const gone = new Promise<void>((resolve) => (goOn = resolve))
    const store = storeWith((real) => ({
      acquire: async (call) => {
        const reply = await real.acquire(call)
        if (call.holder !== 'batched') return reply
        arrived()
        await gone
        return reply
      },
    }))
    const service = openService({ store })
    await service.acquire('full', { create: { limit: 1 } })
    const port = await service.listen()
    const calls = [acquire('a'), acquire('full', { waitMs: 60_000 }), acquire('b')].map((call) => ({
      ...call,
      holder: 'batched',
    }))
    const body = JSON.stringify({ calls })
    const socket = connect(port, '127.0.0.1')
    socket.write(
      `POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await asked
    socket.destroy()
    await vi.waitFor(async () => expect(await connectionsOf(service.app.server)).toBe(0))
    goOn()
    await vi.waitFor(async () => {
      for (const semaphore of ['a', 'b']) {
        expect(await store.inspect({ semaphore })).toMatchObject({ state: { used: 0, waiting: 0 } })
      }
      expect(await store.inspect({ semaphore: 'full' })).toMatchObject({ state: { used: 1, waiting: 0 } })
    })
  })
})
