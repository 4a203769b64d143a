import { describe, expect, it, vi } from 'vitest'
import { LeaseLostError, SignalboxError, UnavailableError } from '../src/index.js'
import { connect, startService } from './service.js'
import { cut, gate, Wire } from './wire.js'

const closed = expect.objectContaining({ code: 'CLIENT_CLOSED' }) as unknown

describe('close', () => {
  it('refuses new calls, cancels waits and releases all', async () => {
    const service = await startService()
    const { client, events } = connect(service)
    const semaphore = client.boundedSemaphore('reports', 2)
    const leases = [await semaphore.acquire(), await semaphore.acquire()]
    const waiting = semaphore.acquire().catch((error: unknown) => error)
    await vi.waitFor(async () => expect((await service.state('reports'))?.waiting).toBe(1))
    await client.close()
    expect(await service.state('reports')).toMatchObject({ used: 0, waiting: 0 })
    expect(await waiting).toEqual(closed)
    for (const call of [
      () => semaphore.acquire(),
      () => semaphore.tryAcquire(),
      () => semaphore.run(() => undefined),
      () => semaphore.release(),
      () => semaphore.locked(),
      () => semaphore.inspect(),
      () => semaphore.resize(3),
      () => semaphore.adopt(crypto.randomUUID()),
      () => client.semaphores().next(),
    ]) {
      await expect(call()).rejects.toEqual(closed)
    }
    // Released is released, whoever did it.
    for (const lease of leases) await lease.release()
    expect(events).toEqual([])
  })

  it('tells who still works under a lease', async () => {
    const service = await startService()
    const { client, seen } = connect(service)
    const started = gate()
    const running = client.semaphore('reports', 1).run(async (lease) => {
      started.open()
      await new Promise((resolve) => lease.signal.addEventListener('abort', resolve))
    })
    const outcome = running.catch((error: unknown) => error)
    await started.opened
    await client.close()
    const error = await outcome
    expect(error).toBeInstanceOf(LeaseLostError)
    expect((error as Error).cause).toEqual(closed)
    expect(seen('lease-lost')).toEqual([])
  })

  it('twice is one close', async () => {
    const { client } = connect(await startService())
    const closing = client.close()
    expect(client.close()).toBe(closing)
    await closing
  })

  it('is what await using does', async () => {
    const service = await startService()
    {
      await using client = connect(service).client
      await client.semaphore('reports', 1).acquire()
    }
    expect(await service.state('reports')).toMatchObject({ used: 0 })
  })

  it('waits for what was under way: a release, and the undoing of an aborted acquire', async () => {
    const service = await startService()
    const wire = new Wire()
    const { client } = connect(service, { fetch: wire.fetch })
    const semaphore = client.semaphore('reports', 2)
    const lease = await semaphore.acquire()
    const slow = gate()
    wire.before = ({ call }) => (call === 'release' ? slow.opened : undefined)
    wire.after = ({ call }) => (call === 'acquire' ? new Promise(() => undefined) : undefined)
    const releasing = lease.release()
    const controller = new AbortController()
    const aborted = semaphore.acquire({ signal: controller.signal }).catch((error: unknown) => error)
    await vi.waitFor(async () => expect((await service.state('reports'))?.used).toBe(2))
    controller.abort('enough')
    expect(await aborted).toBe('enough')
    let done = false
    const closing = client.close().then(() => (done = true))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(done).toBe(false)
    slow.open()
    await closing
    await releasing
    expect(await service.state('reports')).toMatchObject({ used: 0 })
  })

  it('gives up after its time-out, never rejects, and leaves nothing running', async () => {
    const service = await startService()
    const wire = new Wire()
    const { client, seen } = connect(service, { fetch: wire.fetch })
    await client.semaphore('reports', 1).acquire()
    wire.before = ({ call }) => (call === 'release' ? cut() : undefined)
    await client.close({ timeoutMs: 200 })
    expect(seen('release-failed').map(({ error }) => error)).toEqual([closed])
    const sent = wire.sent.length
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(wire.sent).toHaveLength(sent)
  })

  it('in the very turn a lease arrives leaves no permit behind', async () => {
    const service = await startService()
    for (let round = 0; round < 20; round++) {
      const wire = new Wire()
      const { client } = connect(service, { fetch: wire.fetch })
      wire.after = async ({ call }) => {
        if (call !== 'acquire') return
        for (let turn = 0; turn < round; turn++) await Promise.resolve()
        queueMicrotask(() => void client.close())
      }
      const outcome = await client
        .semaphore('reports', 100)
        .acquire()
        .then(
          () => 'held',
          (error: unknown) => error,
        )
      expect(['held', closed]).toContainEqual(outcome)
      await client.close()
    }
    expect(await service.state('reports')).toMatchObject({ used: 0 })
  })

  it('cuts off other calls at its end', async () => {
    const wire = new Wire()
    const { client } = connect(await startService(), { fetch: wire.fetch, timeoutMs: 60_000 })
    wire.before = () => new Promise(() => undefined)
    const inspecting = client
      .semaphore('reports')
      .inspect()
      .catch((error: unknown) => error)
    await client.close()
    const error = await inspecting
    expect(error).toBeInstanceOf(SignalboxError)
    expect(error).not.toBeInstanceOf(UnavailableError)
    expect(error).toEqual(closed)
  })
})
