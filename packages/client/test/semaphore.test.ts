import { describe, expect, it, vi } from 'vitest'
import {
  AcquireTimeoutError,
  BoundedSemaphore,
  InvalidRequestError,
  LimitConflictError,
  NotFoundError,
  PermitsExceedLimitError,
  PermitsUnavailableError,
  Semaphore,
  SignalboxClient,
  ValueError,
} from '../src/index.js'
import { connect, redisStore, startService } from './service.js'
import { Wire } from './wire.js'

describe.each([
  ['memory', () => undefined],
  ['redis', redisStore],
])('a semaphore over the %s store', (_name, makeStore) => {
  async function start() {
    const store = makeStore()
    const service = await startService(store === undefined ? {} : { store })
    return { service, ...connect(service) }
  }

  it('refuses an option that there is not: misspelt, it would wait for ever', async () => {
    const { client } = await start()
    const misspelt = { wait: 3 } as object
    await expect(client.semaphore('reports', 2).acquire(misspelt)).rejects.toThrow('There is no option wait')
    await expect(client.semaphore('reports', 2).adopt(crypto.randomUUID(), misspelt)).rejects.toThrow('no option wait')
    await expect(client.semaphores(misspelt).next()).rejects.toThrow('no option wait')
    for (const make of [
      () => client.semaphore('reports', 2, misspelt),
      () => new BoundedSemaphore('reports', 2, misspelt),
    ]) {
      expect(make).toThrow(InvalidRequestError)
      expect(make).toThrow('There is no option wait')
    }
    // Of a call, not of a semaphore.
    const elsewhere = { waitMs: 3 } as object
    expect(() => client.semaphore('reports', 2, elsewhere)).toThrow('There is no option waitMs')
  })

  it('holds a lease that says what it is', async () => {
    const { client, service } = await start()
    const lease = await client.semaphore('reports', 2).acquire({ permits: 2, ttlMs: 5_000, holder: 'job 7' })
    expect(lease).toMatchObject({ semaphore: 'reports', permits: 2, holder: 'job 7' })
    expect(lease.id).toMatch(/^[0-9a-f-]{36}$/)
    expect(lease.fence).toBeGreaterThan(0)
    expect(lease.expiresInMs).toBeGreaterThan(0)
    expect(lease.expiresInMs).toBeLessThan(5_000)
    expect(lease.signal.aborted).toBe(false)
    expect(await service.state('reports')).toMatchObject({ limit: 2, bounded: false, used: 2 })
    const releasing = lease.release()
    expect(lease.expiresInMs).toBe(0)
    await releasing
    expect(lease.expiresInMs).toBe(0)
    expect(await service.state('reports')).toMatchObject({ used: 0 })
  })

  it('lets N in, and the next when one leaves, in order of arrival', async () => {
    const { client, service } = await start()
    const semaphore = client.semaphore('reports', 1)
    const first = await semaphore.acquire()
    const order: string[] = []
    const waiting = []
    for (const name of ['a', 'b', 'c']) {
      const arrived = waiting.length
      waiting.push(
        semaphore.run(() => {
          order.push(name)
        }),
      )
      await vi.waitFor(async () => expect((await service.state('reports'))?.waiting).toBe(arrived + 1))
    }
    await first.release()
    await Promise.all(waiting)
    expect(order).toEqual(['a', 'b', 'c'])
  })

  it('says busy by null, by PermitsUnavailableError or by AcquireTimeoutError, as one asks', async () => {
    const { client, service } = await start()
    const semaphore = client.boundedSemaphore('reports', 1)
    const lease = await semaphore.tryAcquire()
    expect(lease).not.toBeNull()
    expect(await semaphore.tryAcquire()).toBeNull()
    await expect(semaphore.acquire({ waitMs: 0 })).rejects.toBeInstanceOf(PermitsUnavailableError)
    const timedOut = await semaphore.acquire({ waitMs: 20 }).catch((error: unknown) => error)
    expect(timedOut).toBeInstanceOf(AcquireTimeoutError)
    expect(timedOut).toMatchObject({ code: 'ACQUIRE_TIMEOUT', status: 429, retryable: true })
    expect(await service.state('reports')).toMatchObject({ used: 1, waiting: 0 })
  })

  it('refuses more than the limit at once, but waits at limit 0', async () => {
    const { client } = await start()
    await expect(client.semaphore('reports', 2).acquire({ permits: 3 })).rejects.toBeInstanceOf(PermitsExceedLimitError)
    expect(await client.semaphore('paused', 0).tryAcquire()).toBeNull()
  })

  it('grows by a release of what was never acquired, also before anybody used it', async () => {
    const { client, service, seen } = await start()
    const ready = client.semaphore('ready', 0)
    await ready.release()
    expect(await service.state('ready')).toMatchObject({ limit: 1, used: 0, bounded: false })
    await ready.release()
    expect(await service.state('ready')).toMatchObject({ limit: 2 })
    expect(seen('limit-grown').map(({ limit }) => limit)).toEqual([1, 2])
  })

  it('wakes a waiter at limit 0 by such a release, as a producer does in asyncio', async () => {
    const { client, service } = await start()
    const ready = client.semaphore('ready', 0)
    const waiting = ready.acquire()
    await vi.waitFor(async () => expect((await service.state('ready'))?.waiting).toBe(1))
    await ready.release()
    await (await waiting).release()
  })

  it('is locked when an acquire would not be granted at once', async () => {
    const { client, service } = await start()
    const semaphore = client.semaphore('reports', 1)
    expect(await semaphore.locked()).toBe(false)
    expect(await client.semaphore('reports', 0).locked()).toBe(true)
    expect(await client.semaphore('reports').locked()).toBe(false)
    expect(await service.state('reports')).toBeNull()
    const lease = await semaphore.acquire()
    expect(await semaphore.locked()).toBe(true)
    await lease.release()
    expect(await semaphore.locked()).toBe(false)
  })

  it('is locked while somebody waits, though a permit is free', async () => {
    const { client, service } = await start()
    const semaphore = client.semaphore('reports', 2)
    await semaphore.acquire()
    const both = semaphore.acquire({ permits: 2 })
    await vi.waitFor(async () => expect((await service.state('reports'))?.waiting).toBe(1))
    expect(await service.state('reports')).toMatchObject({ used: 1, limit: 2 })
    expect(await semaphore.locked()).toBe(true)
    await semaphore.release()
    await both
  })

  it('shows itself, is resized, and is listed', async () => {
    const { client } = await start()
    const semaphore = client.semaphore('billing:a', 2)
    await expect(semaphore.inspect()).rejects.toBeInstanceOf(NotFoundError)
    await semaphore.acquire()
    expect(await semaphore.inspect()).toEqual({
      name: 'billing:a',
      limit: 2,
      bounded: false,
      used: 1,
      available: 1,
      waiting: 0,
      oldestWaitMs: 0,
    })
    expect(await semaphore.resize(5)).toMatchObject({ limit: 5, bounded: false, used: 1 })
    await client.boundedSemaphore('billing:b').acquire()
    await client.boundedSemaphore('other').acquire()
    const names = []
    for await (const { name } of client.semaphores({ prefix: 'billing:', pageSize: 1 })) names.push(name)
    expect(names.sort()).toEqual(['billing:a', 'billing:b'])
  })

  it('made by a resize is of its own kind', async () => {
    const { client } = await start()
    expect(await client.semaphore('a').resize(3)).toMatchObject({ limit: 3, bounded: false })
    expect(await client.boundedSemaphore('b').resize(3)).toMatchObject({ limit: 3, bounded: true })
    expect(await client.semaphore('b').resize(4)).toMatchObject({ limit: 4, bounded: true })
  })

  it('is of one kind', async () => {
    const { client } = await start()
    await client.semaphore('reports', 2).acquire()
    await expect(client.boundedSemaphore('reports', 2).acquire()).rejects.toBeInstanceOf(LimitConflictError)
  })
})

describe('another value than the service has', () => {
  it('is used with the limit that is there, with one warning and one event', async () => {
    const service = await startService()
    const { client, seen, warnings } = connect(service)
    await client.boundedSemaphore('reports', 2).acquire()
    const other = client.boundedSemaphore('reports', 5)
    await other.tryAcquire()
    expect(await other.tryAcquire()).toBeNull()
    await other.release()
    await other.tryAcquire()
    expect(seen('limit-mismatch')).toEqual([{ kind: 'limit-mismatch', semaphore: 'reports', value: 5, limit: 2 }])
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('does not resize')
  })

  it('is LimitConflictError where one asked for it', async () => {
    const { client } = connect(await startService())
    await client.boundedSemaphore('reports', 2).acquire()
    const strict = client.boundedSemaphore('reports', 5, { onConflict: 'error' })
    await expect(strict.acquire()).rejects.toBeInstanceOf(LimitConflictError)
  })

  it('is nothing to warn of when the value was left out, or was so at creation, or is so now', async () => {
    const service = await startService()
    const { client, seen } = connect(service)
    await client.boundedSemaphore('reports', 2).acquire()
    await client.boundedSemaphore('reports').resize(5)
    for (const value of [undefined, 2, 5]) await client.boundedSemaphore('reports', value).acquire()
    expect(seen('limit-mismatch')).toEqual([])
  })
})

describe('what no semaphore can be', () => {
  it.each([
    [-1, 'Semaphore initial value must be >= 0'],
    [-Infinity, 'Semaphore initial value must be >= 0'],
    [NaN, 'Semaphore initial value must be a whole number, not NaN'],
    [1.5, 'Semaphore initial value must be a whole number, not 1.5'],
    [Infinity, 'Semaphore initial value must be a whole number, not Infinity'],
    ['2' as unknown as number, 'Semaphore initial value must be a whole number, not "2"'],
    [2n as unknown as number, 'Semaphore initial value must be a whole number, not 2n'],
    [{} as unknown as number, 'Semaphore initial value must be a whole number, not of type object'],
  ])('of value %s is a ValueError', async (value, message) => {
    for (const make of [() => new Semaphore('x', value), () => new BoundedSemaphore('x', value)]) {
      expect(make).toThrow(ValueError)
      expect(make).toThrow(RangeError)
      expect(make).toThrow(message)
    }
    await expect(new Semaphore('x').resize(value)).rejects.toThrow(message.replace('initial value', 'limit'))
  })

  it.each([
    undefined as unknown as string,
    5 as unknown as string,
    '',
    '.',
    '..',
    'a/b',
    'ä',
    '-x',
    'a b',
    'x'.repeat(129),
  ])('named %j is refused before anything is sent', (name) => {
    expect(() => new Semaphore(name)).toThrow(InvalidRequestError)
  })

  it.each([
    { permits: 0 },
    { permits: 1.5 },
    { ttlMs: -1 },
    { ttlMs: NaN },
    { waitMs: NaN },
    { waitMs: -1 },
    { maxHoldMs: 0 },
    { signal: 5 },
    { signal: null },
    'waitMs' as unknown as object,
    null as unknown as object,
  ])('asked for with %j is refused before anything is sent', async (options) => {
    const wire = new Wire()
    const client = new SignalboxClient({ fetch: wire.fetch })
    await expect(client.semaphore('reports').acquire(options)).rejects.toBeInstanceOf(InvalidRequestError)
    expect(wire.sent).toEqual([])
  })

  it('asked for with too long a ttl is refused by the service, which names the field', async () => {
    const { client } = connect(await startService())
    const refusal = client.semaphore('reports').acquire({ ttlMs: 1_000_000_000 })
    await expect(refusal).rejects.toBeInstanceOf(InvalidRequestError)
    // Once: the service says it in `detail` and by field.
    const text = 'The field "ttlMs" must be a whole number from 1 to 86400000, not 1000000000.'
    await expect(refusal).rejects.toHaveProperty('message', text)
  })
})
