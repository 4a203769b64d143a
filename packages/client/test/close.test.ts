import { describe, expect, it, vi } from 'vitest'
import { connectionOf } from '../src/connection.js'
import { LeaseLostError, SignalboxError, UnavailableError, type Fetch } from '../src/index.js'
import { connect, startService } from './service.js'
import { arrived, cut, gate, Wire } from './wire.js'

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

  it.each(['a release', 'the undoing of an aborted acquire'])('waits for %s that was under way', async (what) => {
    const service = await startService()
    const wire = new Wire()
    const { client } = connect(service, { fetch: wire.fetch })
    const semaphore = client.semaphore('reports', 2)
    const slow = gate()
    wire.before = ({ call }) => (call === 'release' ? slow.opened : undefined)
    if (what === 'a release') {
      void (await semaphore.acquire()).release()
    } else {
      wire.after = ({ call }) => (call === 'acquire' ? new Promise(() => undefined) : undefined)
      const controller = new AbortController()
      const aborted = semaphore.acquire({ signal: controller.signal }).catch((error: unknown) => error)
      await vi.waitFor(async () => expect((await service.state('reports'))?.used).toBe(1))
      controller.abort('enough')
      expect(await aborted).toBe('enough')
    }
    let isClosed = false
    const closing = client.close().then(() => (isClosed = true))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(isClosed).toBe(false)
    slow.open()
    await closing
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

  it.each(['close', 'abort'])('%s in any microtask after a lease has arrived leaves no permit behind', async (how) => {
    const service = await startService()
    const outcomes = { held: 0, rejected: 0 }
    for (let microtasks = 0; microtasks < 60; microtasks++) {
      const controller = new AbortController()
      const end = async (): Promise<void> => {
        for (let passed = 0; passed < microtasks; passed++) await Promise.resolve()
        if (how === 'close') void client.close()
        else controller.abort('enough')
      }
      const prompt: Fetch = async (url, request) => {
        const response = await fetch(url, request)
        const text = await response.text()
        if (url.endsWith('/acquire')) void end()
        return arrived(response.status, response.headers, text)
      }
      const { client } = connect(service, { fetch: prompt })
      const acquiring = client.semaphore('reports', 100).acquire({ signal: controller.signal })
      const outcome: unknown = await acquiring.then(
        (lease) => lease,
        (error: unknown) => error,
      )
      if (outcome === 'enough' || outcome instanceof SignalboxError) outcomes.rejected++
      else outcomes.held++
      await client.close()
    }
    // Otherwise the microtasks that matter were not among them.
    expect(outcomes.held).toBeGreaterThan(5)
    expect(outcomes.rejected).toBeGreaterThan(5)
    expect(await service.state('reports')).toMatchObject({ used: 0 })
  })

  it('has nothing to do with what has ended by itself: none of it is kept', async () => {
    const { client } = connect(await startService())
    const { open } = connectionOf(client)
    const semaphore = client.boundedSemaphore('reports', 1)
    const lease = await semaphore.acquire()
    expect(open.size).toBe(1)
    await semaphore.tryAcquire()
    await expect(semaphore.acquire({ permits: 2 })).rejects.toMatchObject({ code: 'PERMITS_EXCEED_LIMIT' })
    await expect(semaphore.acquire({ signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(open.size).toBe(1)
    await lease.release()
    expect(open.size).toBe(0)
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
