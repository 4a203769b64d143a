import { makeApiKey, parseApiKeys } from '@signalbox/semaphore-service'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  AuthenticationError,
  BoundedSemaphore,
  closeDefaultClient,
  LeaseLostError,
  Semaphore,
  ValueError,
} from '../src/index.js'
import { connect, startService } from './service.js'
import { cut, Wire } from './wire.js'

describe('release() without a lease', () => {
  it('gives back the oldest that acquire and tryAcquire gave out, whole', async () => {
    const service = await startService()
    const { client } = connect(service)
    const semaphore = client.semaphore('reports', 5)
    await semaphore.acquire({ permits: 2 })
    await semaphore.tryAcquire({ permits: 3 })
    await semaphore.release()
    expect(await service.state('reports')).toMatchObject({ used: 3 })
    await semaphore.release()
    expect(await service.state('reports')).toMatchObject({ used: 0, limit: 5 })
  })

  it('shares one account among the objects of one name and client, and none among clients', async () => {
    const service = await startService()
    const { client } = connect(service)
    const other = connect(service)
    await client.boundedSemaphore('reports', 2).acquire()
    await expect(other.client.boundedSemaphore('reports', 2).release()).rejects.toBeInstanceOf(ValueError)
    await expect(client.boundedSemaphore('elsewhere', 2).release()).rejects.toBeInstanceOf(ValueError)
    await client.boundedSemaphore('reports', 2).release()
    expect(await service.state('reports')).toMatchObject({ used: 0, limit: 2 })
  })

  it('does not find what its own lease released, nor leases of run, adopted or detached ones', async () => {
    const service = await startService()
    const { client } = connect(service)
    const semaphore = client.boundedSemaphore('reports', 4)
    await (await semaphore.acquire()).release()
    await semaphore.run(() => expect(semaphore.release()).rejects.toBeInstanceOf(ValueError))
    const detached = await semaphore.acquire()
    detached.detach()
    await expect(semaphore.release()).rejects.toBeInstanceOf(ValueError)
    const adopted = await semaphore.adopt(detached.id)
    await expect(semaphore.release()).rejects.toBeInstanceOf(ValueError)
    expect(await service.state('reports')).toMatchObject({ used: 1, limit: 4 })
    await adopted.release()
  })

  it.each([Semaphore, BoundedSemaphore])(
    'after its client was closed rejects, be it a given one or the shared one: what was held is back, and no limit grows',
    async (Kind) => {
      const service = await startService()
      vi.stubEnv('SIGNALBOX_URL', service.url)
      onTestFinished(() => closeDefaultClient())
      const { client } = connect(service)
      const [shared, given] = [new Kind('shared', 2), new Kind('given', 2, { client })]
      await shared.acquire()
      await given.tryAcquire()
      await Promise.all([closeDefaultClient(), client.close()])
      for (const semaphore of [shared, given, given, shared])
        await expect(semaphore.release()).rejects.toMatchObject({ code: 'CLIENT_CLOSED' })
      for (const name of ['shared', 'given']) expect(await service.state(name)).toMatchObject({ used: 0, limit: 2 })
      // The shared one can be used again, and releases what is acquired by it anew.
      await shared.acquire()
      await shared.release()
      expect(await service.state('shared')).toMatchObject({ used: 0, limit: 2 })
    },
  )

  it('of a Semaphore that has acquired nothing grows it, through the shared client too, before and after that is closed', async () => {
    const service = await startService()
    vi.stubEnv('SIGNALBOX_URL', service.url)
    onTestFinished(() => closeDefaultClient())
    for (const limit of [2, 3]) {
      await new Semaphore('reports', 1).release()
      expect(await service.state('reports')).toMatchObject({ limit })
      await closeDefaultClient()
    }
  })

  it('too often is a ValueError of a BoundedSemaphore, and sends nothing', async () => {
    const wire = new Wire()
    const { client } = connect(await startService(), { fetch: wire.fetch })
    const semaphore = client.boundedSemaphore('reports', 2)
    const error: unknown = await semaphore.release().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ValueError)
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({
      message: 'BoundedSemaphore released too many times',
      code: 'RELEASED_TOO_MANY_TIMES',
    })
    expect(wire.sent).toEqual([])
  })

  it('of a Semaphore object never grows what is bounded', async () => {
    const service = await startService()
    const { client } = connect(service)
    await client.boundedSemaphore('reports', 2).resize(2)
    await expect(client.semaphore('reports', 2).release()).rejects.toBeInstanceOf(ValueError)
    expect(await service.state('reports')).toMatchObject({ limit: 2 })
  })

  it('called twice at once takes two leases, not one twice', async () => {
    const service = await startService()
    const { client } = connect(service)
    const semaphore = client.semaphore('reports', 2)
    await semaphore.acquire()
    await semaphore.acquire()
    await Promise.all([semaphore.release(), semaphore.release()])
    expect(await service.state('reports')).toMatchObject({ used: 0, limit: 2 })
  })

  // Semaphore(1): A is blocked past its ttl and loses the lease, B acquires, A's `finally { release() }` must not make it Semaphore(2).
  it('whose lease was lost rejects and changes nothing: no growth, nobody else’s permit, and the next takes the next', async () => {
    const service = await startService()
    const wire = new Wire()
    const a = connect(service, { fetch: wire.fetch })
    const b = connect(service)
    const semaphore = a.client.semaphore('reports', 1)
    wire.before = ({ call }) => (call === 'renew' ? cut() : undefined)
    const lost = await semaphore.acquire({ ttlMs: 300 })
    await vi.waitFor(() => expect(lost.signal.aborted).toBe(true))
    const held = await b.client.semaphore('reports', 1).acquire()
    await expect(semaphore.release()).rejects.toBeInstanceOf(LeaseLostError)
    await vi.waitFor(() => expect(wire.calls('release').every(({ settled }) => settled)).toBe(true))
    expect(await service.state('reports')).toMatchObject({ limit: 1, used: 1 })
    await held.release()
    // The lost one is done with.
    await semaphore.acquire()
    await semaphore.release()
    expect(await service.state('reports')).toMatchObject({ limit: 1, used: 0 })
    expect(a.seen('limit-grown')).toEqual([])
  })

  it('that grows is one growth, however many of its replies are lost', async () => {
    const service = await startService()
    const wire = new Wire()
    const { client, seen } = connect(service, { fetch: wire.fetch })
    const semaphore = client.semaphore('reports', 1)
    await (await semaphore.acquire()).release()
    let losses = 2
    wire.after = ({ call }) => {
      if (call === 'add-permits' && losses-- > 0) cut()
    }
    await semaphore.release()
    expect(wire.calls('add-permits')).toHaveLength(3)
    expect(await service.state('reports')).toMatchObject({ limit: 2 })
    wire.after = () => undefined
    await semaphore.release()
    expect(await service.state('reports')).toMatchObject({ limit: 3 })
    expect(seen('limit-grown').map(({ limit }) => limit)).toEqual([2, 3])
  })

  it('needs a key with admin to grow, and only for that', async () => {
    const { key, line } = makeApiKey({ name: 'worker', scopes: ['acquire'], prefix: '' })
    const service = await startService({ settings: { apiKeys: parseApiKeys(line) } })
    const { client } = connect(service, { apiKey: key })
    const semaphore = client.semaphore('reports', 1)
    await semaphore.acquire()
    await semaphore.release()
    await expect(semaphore.release()).rejects.toBeInstanceOf(AuthenticationError)
    expect(await service.state('reports')).toMatchObject({ limit: 1 })
  })
})
