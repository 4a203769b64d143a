import { getEventListeners } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import type { Semaphore } from '../src/index.js'
import { connect, redisStore, startService } from './service.js'
import { gate, Wire } from './wire.js'

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

describe('an aborted acquire', () => {
  it('rejects with the very reason, gives up its place, and leaves nothing on the signal', async () => {
    const service = await startService()
    const { client } = connect(service)
    const semaphore = client.semaphore('reports', 1)
    const held = await semaphore.acquire()
    const controller = new AbortController()
    const waiting = semaphore.acquire({ signal: controller.signal })
    const behind = semaphore.acquire()
    await vi.waitFor(async () => expect((await service.state('reports'))?.waiting).toBe(2))
    const reason = { what: 'the user closed the tab' }
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await vi.waitFor(async () => expect((await service.state('reports'))?.waiting).toBe(1))
    await held.release()
    await (await behind).release()
    expect(listenersOf(controller.signal)).toBe(0)
  })

  it('before it began sends nothing', async () => {
    const wire = new Wire()
    const { client } = connect(await startService(), { fetch: wire.fetch })
    const reason = new Error('never mind')
    await expect(client.semaphore('reports').acquire({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await expect(client.semaphore('reports').tryAcquire({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await expect(
      client.semaphore('reports').adopt(crypto.randomUUID(), { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason)
    expect(wire.sent).toEqual([])
  })

  it('in the pause between two attempts ends at once', async () => {
    const service = await startService()
    const wire = new Wire()
    const { client, seen } = connect(service, { fetch: wire.fetch })
    wire.before = ({ call }) => {
      if (call === 'acquire') throw new TypeError('fetch failed')
    }
    const controller = new AbortController()
    const acquiring = client.semaphore('reports', 1).acquire({ signal: controller.signal })
    await vi.waitFor(() => expect(seen('retry').some(({ delayMs }) => delayMs > 0)).toBe(true))
    controller.abort('enough')
    await expect(acquiring).rejects.toBe('enough')
    const attempts = wire.calls('acquire').length
    await vi.waitFor(() => expect(wire.calls('release').some(({ settled }) => settled)).toBe(true))
    expect(wire.calls('acquire')).toHaveLength(attempts)
  })

  it('whose grant is on its way is undone with retire, also when the request arrives after the release', async () => {
    const service = await startService()
    const wire = new Wire()
    const { client } = connect(service, { fetch: wire.fetch })
    const late = gate()
    // Overtaken by everything, and deaf to its signal: the order of a network that delays and reorders.
    const overtaken: Promise<unknown>[] = []
    const slowFetch: typeof wire.fetch = (url, request) => {
      if (!url.endsWith('/acquire')) return wire.fetch(url, request)
      const arrived = late.opened.then(() => fetch(url, { ...request, signal: null }))
      overtaken.push(arrived)
      return arrived
    }
    const slow = connect(service, { fetch: slowFetch })
    await client.semaphore('reports', 1).run(() => undefined)
    const controller = new AbortController()
    const acquiring = slow.client.semaphore('reports', 1).acquire({ signal: controller.signal })
    await vi.waitFor(() => expect(overtaken).toHaveLength(1))
    controller.abort('changed my mind')
    await expect(acquiring).rejects.toBe('changed my mind')
    await vi.waitFor(() =>
      expect(wire.calls('release').at(-1)).toMatchObject({ settled: true, body: { retire: true } }),
    )
    late.open()
    const [reply] = await Promise.all(overtaken)
    expect(reply).toMatchObject({ status: 410 })
    expect(await service.state('reports')).toMatchObject({ used: 0, waiting: 0 })
  })

  it('with one signal for a hundred acquires hangs one listener on it', async () => {
    const service = await startService()
    const { client } = connect(service)
    const semaphore = client.semaphore('reports', 1)
    const held = await semaphore.acquire()
    const controller = new AbortController()
    const waiting = Array.from({ length: 100 }, () => semaphore.acquire({ signal: controller.signal }))
    await vi.waitFor(async () => expect((await service.state('reports'))?.waiting).toBe(100))
    expect(listenersOf(controller.signal)).toBe(1)
    controller.abort('all')
    const outcomes = await Promise.allSettled(waiting)
    for (const outcome of outcomes) expect(outcome).toEqual({ status: 'rejected', reason: 'all' })
    await vi.waitFor(async () => expect((await service.state('reports'))?.waiting).toBe(0))
    await held.release()
    expect(await semaphore.tryAcquire()).not.toBeNull()
  })
})

/** One holder, one waiter; the release and the abort start in the same turn, a few microtasks or turns apart. */
async function race(semaphore: Semaphore, round: number): Promise<'granted' | 'aborted'> {
  const held = await semaphore.acquire({ waitMs: 10_000 })
  const controller = new AbortController()
  const waiting = semaphore.acquire({ signal: controller.signal })
  const outcome = waiting.then(
    async (lease) => {
      await lease.release()
      return 'granted' as const
    },
    (reason: unknown) => {
      expect(reason).toBe(round)
      return 'aborted' as const
    },
  )
  await new Promise((resolve) => setTimeout(resolve, round % 4))
  const released = held.release()
  // Turns of the event loop until the abort: from before the release is sent to after the grant has arrived.
  for (let turn = 0; turn < round % 23; turn++) await new Promise((resolve) => setImmediate(resolve))
  controller.abort(round)
  await released
  return await outcome
}

describe('cancelling (T11)', () => {
  it.each([
    [300, 'memory', () => undefined],
    [1_000, 'Redis', redisStore],
  ])(
    'that races the grant %i times loses no permit, over the %s store',
    async (rounds, _name, makeStore) => {
      const store = makeStore()
      const service = await startService(store === undefined ? {} : { store })
      const { client, seen } = connect(service)
      const outcomes = { granted: 0, aborted: 0 }
      const runs = Array.from({ length: 10 }, async (_, index) => {
        // A lost permit makes the next round's acquire time out: the ttl is longer than that.
        const semaphore = client.boundedSemaphore(`race-${index}`, 1)
        for (let round = 0; round < rounds / 10; round++) outcomes[await race(semaphore, round * 10 + index)]++
        await vi.waitFor(async () =>
          expect(await service.state(`race-${index}`)).toMatchObject({ used: 0, waiting: 0 }),
        )
      })
      await Promise.all(runs)
      expect(outcomes.granted + outcomes.aborted).toBe(rounds)
      // Otherwise nothing raced.
      expect(outcomes.granted).toBeGreaterThan(20)
      expect(outcomes.aborted).toBeGreaterThan(20)
      expect([...seen('lease-lost'), ...seen('release-failed')]).toEqual([])
    },
    120_000,
  )
})
