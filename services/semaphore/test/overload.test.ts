import { createMemoryStore, type Store } from '@signalbox/engine'
import { startTestRedis } from '@signalbox/test-redis'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { Load } from '../src/load.js'
import { leaseId, openService, type OpenService, type ProblemBody } from './open-service.js'
import { run, timeout } from './run-service.js'

const one = { create: { limit: 100 } }

async function shedOf({ call }: OpenService, excess: string): Promise<number> {
  const text = (await call('GET', '/metrics')).body
  return Number(new RegExp(`signalbox_requests_shed_total\\{excess="${excess}"\\} (\\d+)`).exec(text)?.[1] ?? 0)
}

/** A store that answers no acquire while it is told not to. */
function heldStore() {
  const store = createMemoryStore()
  let opened: Promise<void> = Promise.resolve()
  let open: () => void = () => undefined
  const held: Store = { ...store, acquire: async (call) => await opened.then(() => store.acquire(call)) }
  return {
    store: held,
    hold() {
      opened = new Promise((resolve) => {
        open = resolve
      })
    },
    letGo: () => open(),
  }
}

describe('a replica whose store is slow', () => {
  test('turns new acquires and listings away at its limit, lets through what helps, and recovers by itself', async () => {
    const { store, hold, letGo } = heldStore()
    const service = openService({ store, settings: { load: { storeCallsMax: 5, eventLoopDelayMsMax: 60_000 } } })
    const { acquire, call, engine } = service
    const mine = leaseId()
    expect((await acquire('a', { ...one, leaseId: mine })).statusCode).toBe(200)
    hold()
    const under = Array.from({ length: 5 }, () => acquire('a', one))
    await vi.waitFor(() => expect(engine.storeCalls).toBe(5))

    const refused = await acquire('a', one)
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '1'])
    expect(refused.json<ProblemBody>()).toMatchObject({ code: 'OVERLOADED', retryAfterMs: 1_000 })
    for (const path of ['/v1/semaphores', '/v1/semaphores/a', '/v1/semaphores/a/leases', '/v1/semaphores/a/waiters'])
      expect([path, (await call('GET', path)).json<ProblemBody>().code]).toEqual([path, 'OVERLOADED'])
    expect(await shedOf(service, 'store_calls')).toBe(5)
    expect(engine.storeCalls).toBe(5)

    const path = '/v1/semaphores/a'
    expect((await call('POST', `${path}/renew`, { leaseId: mine, ttlMs: 60_000 })).statusCode).toBe(200)
    expect((await call('POST', `${path}/release`, { leaseId: mine })).statusCode).toBe(200)
    expect((await call('PUT', path, { limit: 50 })).statusCode).toBe(200)
    for (const open of ['/healthz', '/readyz', '/metrics']) expect((await call('GET', open)).statusCode).toBe(200)

    letGo()
    expect((await Promise.all(under)).map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200, 200])
    expect((await acquire('a', one)).statusCode).toBe(200)
    expect((await call('GET', path)).json()).toMatchObject({ used: 6 })
    expect(engine.storeCalls).toBe(0)
  })

  test('counts a call that failed as over', async () => {
    const { acquire, engine, store } = openService()
    await store.close()
    expect((await acquire('a', one)).statusCode).toBe(503)
    await vi.waitFor(() => expect(engine.storeCalls).toBe(0))
  })
})

test('a replica whose event loop is late turns acquires away, and takes them again when it is not', async () => {
  const service = openService({ settings: { load: { storeCallsMax: 1_000, eventLoopDelayMsMax: 20 } } })
  expect((await service.acquire('a', one)).statusCode).toBe(200)
  let isBusy = true
  const block = () => {
    const untilMs = performance.now() + 100
    while (performance.now() < untilMs);
    if (isBusy) setTimeout(block, 1)
  }
  block()
  try {
    const refused = await vi.waitFor(
      async () => {
        const response = await service.acquire('a', one)
        expect(response.statusCode).toBe(503)
        return response
      },
      { timeout, interval: 1 },
    )
    expect(refused.json<ProblemBody>()).toMatchObject({ code: 'OVERLOADED' })
    expect(refused.json<ProblemBody>().detail).toContain('it is behind with its work')
    expect(await shedOf(service, 'event_loop_delay')).toBeGreaterThan(0)
  } finally {
    isBusy = false
  }
  await vi.waitFor(async () => expect((await service.acquire('a', one)).statusCode).toBe(200), { timeout })
})

test('a replica that holds as many waiting requests as it may counts those it turns away', async () => {
  const service = openService({ engine: { waitersMax: 1 } })
  await service.acquire('a', { create: { limit: 1 } })
  void service.acquire('a', { waitMs: 5_000 })
  expect((await service.acquire('a', { waitMs: 5_000 })).json<ProblemBody>().code).toBe('OVERLOADED')
  expect(await shedOf(service, 'waiters')).toBe(1)
})

describe('the delay of the event loop', () => {
  afterEach(() => vi.useRealTimers())

  /** A load, and what makes its next sample late by so many ms. */
  function sampled(eventLoopDelayMsMax: number) {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    let nowMs = 0
    vi.spyOn(performance, 'now').mockImplementation(() => nowMs)
    const load = new Load({ storeCallsMax: 1, eventLoopDelayMsMax }, () => 0)
    onTestFinished(() => load.stop())
    return (lateMs: number) => {
      nowMs += 50 + lateMs
      vi.advanceTimersByTime(50)
      return load.excess
    }
  }

  test('is an average: one pause turns nobody away, pauses without end do, and calm ends it', () => {
    const after = sampled(1_000)
    expect(after(0)).toBeNull()
    expect(after(14_000)).toBeNull()
    expect(after(0)).toBeNull()
    expect([after(1_200), after(1_200), after(1_200), after(1_200)].at(-1)).toBe('event_loop_delay')
    expect([after(0), after(0)].at(-1)).toBeNull()
  })

  test('of two long pauses in a row is forgotten after one sample in time', () => {
    const after = sampled(1_000)
    expect([after(14_000), after(14_000)]).toEqual([null, 'event_loop_delay'])
    expect(after(0)).toBeNull()
  })
})

test('a Redis that hangs is a quick 503, too many calls of it a quicker one, and all is well when it goes on', async () => {
  const redis = await startTestRedis({ ownServer: true, say: () => undefined })
  onTestFinished(() => redis.stop())
  const { url } = run({
    REDIS_URL: redis.url,
    SIGNALBOX_COMMAND_TIMEOUT_MS: '700',
    SIGNALBOX_STORE_CALLS_MAX: '20',
  })
  const at = await url()
  const post = async (call: string, body: object) => {
    const response = await fetch(`${at}/v1/semaphores/a/${call}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeout),
    })
    return { status: response.status, body: (await response.json()) as { code?: string } }
  }
  const mine = leaseId()
  const acquired = () => post('acquire', { leaseId: mine, ttlMs: 600_000, create: { limit: 2 } })
  await vi.waitFor(async () => expect((await acquired()).status).toBe(200), { timeout })

  await redis.pause()
  // Answered while it hangs: by the time-out of the call, or because there are too many of them.
  const answers = await Promise.all(Array.from({ length: 60 }, () => post('acquire', { create: { limit: 2 } })))
  const codes = answers.map(({ body }) => body.code)
  expect(new Set(codes)).toEqual(new Set(['STORE_UNAVAILABLE', 'OVERLOADED']))
  expect(codes.filter((code) => code === 'STORE_UNAVAILABLE').length).toBeLessThanOrEqual(20)
  expect((await fetch(`${at}/healthz`)).status).toBe(200)
  expect((await fetch(`${at}/readyz`)).status).toBe(503)
  await redis.resume()

  await vi.waitFor(async () => expect((await fetch(`${at}/readyz`)).status).toBe(200), { timeout })
  await vi.waitFor(async () => expect((await post('renew', { leaseId: mine, ttlMs: 600_000 })).status).toBe(200), {
    timeout,
  })
  // What had reached Redis while it hung was given up, and is ended.
  await vi.waitFor(async () => expect(await (await fetch(`${at}/v1/semaphores/a`)).json()).toMatchObject({ used: 1 }), {
    timeout,
  })
  expect((await post('acquire', {})).status).toBe(200)
})
