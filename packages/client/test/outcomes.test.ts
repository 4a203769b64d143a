import { createMemoryStore, StoreRecoveringError, type Store } from '@signalbox/engine'
import { makeApiKey, parseApiKeys } from '@signalbox/semaphore-service'
import { startTcpProxy } from '@signalbox/test-redis'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  AcquireTimeoutError,
  AuthenticationError,
  NotFoundError,
  PermitsUnavailableError,
  QueueFullError,
  SignalboxError,
  UnavailableError,
  WaitCancelledError,
  type Fetch,
} from '../src/index.js'
import { connect, startService } from './service.js'
import { Wire } from './wire.js'

const failureOf = async (promise: Promise<unknown>): Promise<SignalboxError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof SignalboxError)) throw new Error(`Not a SignalboxError: ${String(error)}`)
  return error
}

describe('outcomes are told apart (T20)', () => {
  it('busy, waited in vain, and down are three classes and three codes', async () => {
    const service = await startService()
    const { client } = connect(service, { retryForMs: 100 })
    const semaphore = client.boundedSemaphore('reports', 1)
    await semaphore.acquire()
    const busy = await failureOf(semaphore.acquire({ waitMs: 0 }))
    const inVain = await failureOf(semaphore.acquire({ waitMs: 20 }))
    await service.store.close()
    const storeDown = await failureOf(semaphore.acquire())
    await service.stop()
    const serviceDown = await failureOf(semaphore.acquire())
    expect(busy).toBeInstanceOf(PermitsUnavailableError)
    expect(inVain).toBeInstanceOf(AcquireTimeoutError)
    expect(storeDown).toBeInstanceOf(UnavailableError)
    expect(serviceDown).toBeInstanceOf(UnavailableError)
    expect([busy, inVain, storeDown, serviceDown].map(({ code, status }) => [code, status])).toEqual([
      ['PERMITS_UNAVAILABLE', 429],
      ['ACQUIRE_TIMEOUT', 429],
      ['STORE_UNAVAILABLE', 503],
      ['UNREACHABLE', undefined],
    ])
    expect(storeDown.cause).toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect(storeDown.requestId).toBeTypeOf('string')
  })

  it('down is never null: tryAcquire rejects', async () => {
    const service = await startService()
    const { client } = connect(service)
    await service.stop()
    expect(await failureOf(client.semaphore('reports').tryAcquire())).toBeInstanceOf(UnavailableError)
  })

  it('a service that hangs costs a call that does not wait two time-outs, however long others are tried again', async () => {
    let attempts = 0
    const hangs: Fetch = (url, { signal }) =>
      new Promise((_resolve, reject) => {
        if (url.endsWith('/acquire')) attempts++
        signal.addEventListener('abort', () => reject(new Error('closed')))
      })
    const { client } = connect({ url: 'http://127.0.0.1:1' }, { fetch: hangs, timeoutMs: 20 })
    expect(await failureOf(client.semaphore('reports').tryAcquire())).toBeInstanceOf(UnavailableError)
    expect(attempts).toBe(2)
  })

  it('an endless wait on a dead service ends in UnavailableError', async () => {
    const service = await startService()
    const { client } = connect(service, { retryForMs: 300 })
    const semaphore = client.semaphore('reports', 1)
    await semaphore.acquire()
    const waiting = failureOf(semaphore.acquire())
    await vi.waitFor(async () => expect((await service.state('reports'))?.waiting).toBe(1))
    await service.stop()
    expect(await waiting).toBeInstanceOf(UnavailableError)
  })

  it('a wait cancelled by somebody else is WaitCancelledError, a full queue QueueFullError', async () => {
    const service = await startService({ storeSettings: { queueMax: 1 } })
    const wire = new Wire()
    const { client } = connect(service, { fetch: wire.fetch })
    const semaphore = client.semaphore('reports', 1)
    await semaphore.acquire()
    const waiting = failureOf(semaphore.acquire())
    await vi.waitFor(async () => expect((await service.state('reports'))?.waiting).toBe(1))
    expect(await failureOf(semaphore.acquire())).toBeInstanceOf(QueueFullError)
    expect(wire.calls('acquire')).toHaveLength(3)
    const leaseId = String(wire.calls('acquire')[1]?.body['leaseId'])
    await service.engine.release({ semaphore: 'reports', leaseId, retire: false })
    expect(await waiting).toBeInstanceOf(WaitCancelledError)
  })

  it('a semaphore deleted under a waiter is NotFoundError', async () => {
    const service = await startService()
    const { client } = connect(service)
    const semaphore = client.semaphore('reports', 0)
    const waiting = failureOf(semaphore.acquire())
    await vi.waitFor(async () => expect((await service.state('reports'))?.waiting).toBe(1))
    await service.engine.remove({ semaphore: 'reports', force: false })
    const error = await waiting
    expect(error).toBeInstanceOf(NotFoundError)
    expect(error.message).toContain('It was removed while this call waited')
  })

  it('no key is AuthenticationError, and is not retried', async () => {
    const { line } = makeApiKey({ name: 'x', scopes: ['acquire'], prefix: '' })
    const service = await startService({ settings: { apiKeys: parseApiKeys(line) } })
    const wire = new Wire()
    const { client } = connect(service, { fetch: wire.fetch })
    expect(await failureOf(client.semaphore('reports').acquire())).toBeInstanceOf(AuthenticationError)
    expect(wire.sent).toHaveLength(1)
  })
})

describe('a long wait', () => {
  it('goes on slice by slice under one id, and keeps its place', async () => {
    const service = await startService({ engine: { capMs: 150 } })
    const wire = new Wire()
    const { client, events } = connect(service, { fetch: wire.fetch })
    const semaphore = client.semaphore('reports', 1)
    const held = await semaphore.acquire()
    const order: string[] = []
    const first = semaphore.run(() => void order.push('first'))
    await vi.waitFor(() => expect(wire.calls('acquire').length).toBeGreaterThan(3), { timeout: 5_000 })
    const second = semaphore.run(() => void order.push('second'))
    await vi.waitFor(() => expect(wire.calls('acquire').length).toBeGreaterThan(8), { timeout: 5_000 })
    expect(await service.state('reports')).toMatchObject({ waiting: 2 })
    await held.release()
    await Promise.all([first, second])
    expect(order).toEqual(['first', 'second'])
    expect(new Set(wire.calls('acquire').map(({ body }) => body['leaseId'])).size).toBe(3)
    // The one that came second was told so, before the first had its turn.
    expect(new Set(events.map((event) => (event.kind === 'waiting' ? event.position : event.kind)))).toEqual(
      new Set([1, 2]),
    )
    expect(events[0]).toEqual({ kind: 'waiting', semaphore: 'reports', position: 1 })
    await vi.waitFor(async () => expect(await service.state('reports')).toMatchObject({ used: 0, waiting: 0 }))
  })

  it('that is over after several slices is AcquireTimeoutError, and leaves the queue', async () => {
    const service = await startService({ engine: { capMs: 150 } })
    const { client } = connect(service)
    const semaphore = client.semaphore('reports', 1)
    await semaphore.acquire()
    const error = await failureOf(semaphore.acquire({ waitMs: 400 }))
    expect(error).toBeInstanceOf(AcquireTimeoutError)
    expect(error.code).toBe('ACQUIRE_TIMEOUT')
    await vi.waitFor(async () => expect(await service.state('reports')).toMatchObject({ used: 1, waiting: 0 }))
  })

  it('asks for a little more than the service’s cap, so that the place in the queue is kept', async () => {
    const wire = new Wire()
    const { client } = connect(await startService(), { fetch: wire.fetch })
    await client.semaphore('reports', 3).acquire()
    await client.semaphore('reports', 3).acquire({ waitMs: 3_600_000 })
    await client.semaphore('reports', 3).acquire({ waitMs: 1_234.5 })
    expect(wire.calls('acquire').map(({ body }) => body['waitMs'])).toEqual([26_000, 26_000, 1_235])
  })

  it('needs no larger maxima of the service than it may be set to', async () => {
    // The least that each variable may be; tests of the service hold it to that.
    const limits = { ttlMsMax: 30_000, waitMsMax: 26_000, limitMax: 1, holderLengthMax: 256, pageSizeMax: 1 }
    const { client } = connect(await startService({ settings: { limits } }), { holder: 'h'.repeat(256) })
    const lease = await client.semaphore('reports').acquire()
    const names: string[] = []
    for await (const { name } of client.semaphores()) names.push(name)
    expect(names).toEqual(['reports'])
    const adopted = await client.semaphore('reports').adopt(lease.id)
    expect(adopted.fence).toBe(lease.fence)
  })

  it('survives the replica it waits at, and keeps its place at the next', async () => {
    const store = createMemoryStore()
    // The store outlives the first replica.
    const lasting = { ...store, close: () => Promise.resolve() }
    const first = await startService({ store: lasting })
    const second = await startService({ store: lasting })
    const wire = new Wire()
    const { client, seen } = connect(first, {
      fetch: (url, request) =>
        wire.fetch(first.engine.replica === moved ? url.replace(first.url, second.url) : url, request),
    })
    let moved = ''
    const semaphore = client.semaphore('reports', 1)
    const held = await semaphore.acquire()
    const order: string[] = []
    const early = semaphore.run(() => void order.push('early'))
    await vi.waitFor(async () => expect((await second.state('reports'))?.waiting).toBe(1))
    moved = first.engine.replica
    first.engine.stop()
    await vi.waitFor(() => expect(wire.calls('acquire').length).toBe(3))
    const late = semaphore.run(() => void order.push('late'))
    await vi.waitFor(async () => expect((await second.state('reports'))?.waiting).toBe(2))
    await held.release()
    await Promise.all([early, late])
    expect(order).toEqual(['early', 'late'])
    expect(seen('retry').map(({ error, delayMs }) => [error.code, delayMs])).toEqual([['SHUTTING_DOWN', 0]])
  })

  it('goes on over a connection that was cut', async () => {
    const service = await startService()
    const proxy = await startTcpProxy({ host: '127.0.0.1', port: service.port })
    onTestFinished(() => proxy.close())
    const wire = new Wire()
    const { client } = connect({ url: `http://127.0.0.1:${proxy.port}` }, { fetch: wire.fetch })
    const semaphore = client.semaphore('reports', 1)
    const held = await semaphore.acquire()
    const waiting = semaphore.acquire()
    for (let cuts = 0; cuts < 3; cuts++) {
      await vi.waitFor(async () => expect((await service.state('reports'))?.waiting).toBe(1))
      const attempts = wire.calls('acquire').length
      proxy.cut()
      await vi.waitFor(() => expect(wire.calls('acquire').length).toBeGreaterThan(attempts))
    }
    await held.release()
    await (await waiting).release()
    await vi.waitFor(async () => expect(await service.state('reports')).toMatchObject({ used: 0, waiting: 0 }))
  })
})

describe('a recovering store', () => {
  it('is "unknown" to a holder, who works on to its own deadline', async () => {
    const store = createMemoryStore()
    let isRecovering = false
    const renew: Store['renew'] = (call) => {
      if (isRecovering) throw new StoreRecoveringError(2_500)
      return store.renew(call)
    }
    const service = await startService({ store: { ...store, renew } })
    const { client, seen } = connect(service)
    const lease = await client.semaphore('reports', 1).acquire({ ttlMs: 3_000 })
    isRecovering = true
    await vi.waitFor(() => expect(seen('renew-failed').length).toBeGreaterThan(1), { timeout: 5_000 })
    expect(seen('renew-failed')[0]?.error).toMatchObject({ code: 'STORE_RECOVERING' })
    expect(lease.signal.aborted).toBe(false)
    isRecovering = false
    const before = lease.expiresInMs
    await vi.waitFor(() => expect(lease.expiresInMs).toBeGreaterThan(before), { timeout: 5_000 })
    expect(lease.signal.aborted).toBe(false)
    await lease.release()
  })
})
