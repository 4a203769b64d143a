import { describe, expect, it, vi } from 'vitest'
import { AuthenticationError, PermitsUnavailableError, type Clock } from '../src/index.js'
import { answering, start, times, usedOf } from './batching.js'
import { cut, gate, type Wire } from './wire.js'

/** How many calls each batch had that was sent. */
const sizes = (wire: Wire): number[] => wire.calls('batch').map(({ body }) => (body['calls'] as unknown[]).length)

describe('calls of one turn', () => {
  it('are one request, each with an answer of its own, and one alone is a plain request', async () => {
    const { client, wire, service } = await start()
    const [two, full] = [client.semaphore('reports', 2), client.semaphore('full', 0)]
    const [first, second, none] = await Promise.all([two.tryAcquire(), two.tryAcquire(), full.tryAcquire()])
    expect([first?.fence, second?.fence, none]).toEqual([expect.any(Number), expect.any(Number), null])
    expect(sizes(wire)).toEqual([3])
    await expect(full.acquire({ waitMs: 0 })).rejects.toBeInstanceOf(PermitsUnavailableError)
    expect(wire.sent.map(({ call }) => call)).toEqual(['batch', 'acquire'])
    await Promise.all([first?.renew(), second?.renew()])
    await Promise.all([first?.release(), second?.release()])
    expect(wire.sent.map(({ call }) => call)).toEqual(['batch', 'acquire', 'batch', 'batch'])
    expect(await usedOf(service)).toBe(0)
  })

  it('are several requests when there are many, or their texts are long', async () => {
    const { client, wire, service } = await start()
    const semaphore = client.semaphore('reports', 1_000)
    await Promise.all(times(300, () => semaphore.acquire()))
    expect(sizes(wire)).toEqual([128, 128, 44])
    expect(await usedOf(service)).toBe(300)
    await Promise.all(times(128, () => semaphore.acquire({ holder: '€'.repeat(256) })))
    expect(sizes(wire).slice(3)).toHaveLength(2)
    expect(await usedOf(service)).toBe(428)
  })

  it('of leases that are due together renew them in one request', async () => {
    const timers = new Map<() => void, number>()
    let nowMs = 0
    const clock: Clock = {
      now: () => nowMs,
      setTimeout: (run, delayMs) => {
        timers.set(run, nowMs + delayMs)
        return () => timers.delete(run)
      },
    }
    const { client, wire } = await start({ clock })
    const semaphore = client.semaphore('reports', 10)
    await Promise.all(times(10, () => semaphore.acquire({ ttlMs: 30_000 })))
    nowMs = 10_000
    for (const [run, atMs] of timers) if (atMs <= nowMs) run()
    await vi.waitFor(() => expect(sizes(wire)).toEqual([10, 10]), { timeout: 10_000 })
    expect(wire.calls('batch').at(-1)?.body['calls']).toMatchObject(times(10, () => ({ call: 'renew' })))
  })

  it('that may take different times are different requests', async () => {
    const { client, wire } = await start()
    const semaphore = client.semaphore('reports', 10)
    const leases = await Promise.all([1_200, 1_200, 60_000, 60_000].map((ttlMs) => semaphore.acquire({ ttlMs })))
    await Promise.all(leases.map((lease) => lease.renew()))
    expect(sizes(wire)).toEqual([4, 2, 2])
  })

  it('are plain requests where the client says so', async () => {
    const { client, wire } = await start({ batch: false })
    const semaphore = client.semaphore('reports', 10)
    await Promise.all(times(3, () => semaphore.acquire()))
    expect(wire.sent.map(({ call }) => call)).toEqual(['acquire', 'acquire', 'acquire'])
  })

  it('count what is left of a lease from before the batch was sent', async () => {
    const { client, wire } = await start()
    wire.after = () => new Promise((resolve) => setTimeout(resolve, 300))
    const [lease] = await Promise.all(times(2, () => client.semaphore('reports', 2).acquire({ ttlMs: 5_000 })))
    expect(lease?.expiresInMs).toBeLessThanOrEqual(4_700)
  })
})

describe('an acquire that has to wait', () => {
  it('takes its place by the batch, waits by a plain request, and so the next go there at once', async () => {
    const { client, wire, service } = await start()
    const semaphore = client.semaphore('reports', 1)
    const held = await semaphore.acquire()
    const order: string[] = []
    const wait = (name: string) => semaphore.acquire().then((lease) => (order.push(name), lease))
    const waiting = [wait('a'), wait('b')]
    await vi.waitFor(() => expect(service.engine.waiting).toBe(2))
    expect(wire.sent.map(({ call }) => call)).toEqual(['acquire', 'batch', 'acquire', 'acquire'])
    waiting.push(wait('c'), wait('d'))
    await vi.waitFor(() => expect(service.engine.waiting).toBe(4))
    expect(sizes(wire)).toEqual([2])
    await held.release()
    for (const one of waiting) await (await one).release()
    expect(order).toEqual(['a', 'b', 'c', 'd'])
    // No longer contended, as the next acquire finds out.
    await (await semaphore.acquire()).release()
    const [last] = await Promise.allSettled(times(2, () => semaphore.acquire({ waitMs: 1 })))
    expect(last?.status).toBe('fulfilled')
    expect(sizes(wire)).toEqual([2, 2])
  })

  it('is granted between the two, and finds its lease', async () => {
    const { client, wire, service } = await start()
    const semaphore = client.semaphore('reports', 1)
    const held = await semaphore.acquire()
    const coming = gate()
    wire.before = async ({ call }) => {
      if (call === 'acquire') await coming.opened
    }
    const waiting = times(2, () => semaphore.acquire())
    await vi.waitFor(async () => expect((await service.state('reports'))?.waiting).toBe(2))
    await held.release()
    expect(await service.state('reports')).toMatchObject({ used: 1, waiting: 1 })
    coming.open()
    const first = await Promise.race(waiting)
    await first.release()
    for (const one of waiting) await (await one).release()
    expect(await usedOf(service)).toBe(0)
  })
})

describe('an aborted call', () => {
  it('leaves its batch, which goes on for the others, and its permit comes back', async () => {
    const { client, wire, service } = await start()
    const semaphore = client.semaphore('reports', 5)
    const reading = gate()
    wire.after = async ({ call }) => {
      if (call === 'batch') await reading.opened
    }
    const controller = new AbortController()
    const [one, ...others] = [{ signal: controller.signal }, {}, {}].map((options) => semaphore.acquire(options))
    await vi.waitFor(async () => expect(await usedOf(service)).toBe(3))
    controller.abort('enough')
    await expect(one).rejects.toBe('enough')
    await vi.waitFor(async () => expect(await usedOf(service)).toBe(2))
    reading.open()
    expect(await Promise.all(others)).toHaveLength(2)
    expect(wire.calls('batch')[0]?.signal.aborted).toBe(false)
    expect(wire.calls('release').map(({ body }) => body['retire'])).toEqual([true])
  })

  it('that was the last of its batch cuts it', async () => {
    const { client, wire, service } = await start()
    const semaphore = client.semaphore('reports', 5)
    const sending = gate()
    wire.before = async ({ call }) => {
      if (call === 'batch' && wire.calls('batch').length === 1) await sending.opened
    }
    const controller = new AbortController()
    const acquiring = times(3, () => semaphore.acquire({ signal: controller.signal }))
    await vi.waitFor(() => expect(sizes(wire)).toEqual([3]))
    controller.abort('enough')
    expect(await Promise.allSettled(acquiring)).toEqual(times(3, () => ({ status: 'rejected', reason: 'enough' })))
    expect(wire.calls('batch')[0]?.signal.aborted).toBe(true)
    sending.open()
    await client.close()
    expect((await usedOf(service)) ?? 0).toBe(0)
  })

  it('that was not sent yet is not sent', async () => {
    const { client, wire } = await start()
    const semaphore = client.semaphore('reports', 5)
    const controller = new AbortController()
    const acquiring = times(3, (index) => semaphore.acquire(index === 0 ? { signal: controller.signal } : {}))
    controller.abort('too early')
    const settled = await Promise.allSettled(acquiring)
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
    const calls = wire.calls('batch').flatMap(({ body }) => body['calls'] as { call: string }[])
    expect(calls.filter(({ call }) => call === 'acquire')).toHaveLength(2)
  })

  it('or closed client in the middle of a thousand leaves nothing behind', async () => {
    const { client, service } = await start()
    const semaphore = client.semaphore('reports', 50)
    const settled = times(1_000, async (index) => {
      const controller = new AbortController()
      const acquiring = semaphore.acquire({ signal: controller.signal, waitMs: 20_000 })
      if (index % 3 === 0) setTimeout(() => controller.abort(), index % 40)
      const lease = await acquiring
      if (index % 2 === 0) await lease.release()
    })
    const all = Promise.allSettled(settled)
    await vi.waitFor(async () => expect(await usedOf(service)).toBeGreaterThan(0))
    await client.close()
    await all
    await vi.waitFor(async () => expect(await service.state('reports')).toMatchObject({ used: 0, waiting: 0 }))
  })
})

describe('a batch that fails', () => {
  it.each(['before', 'after'] as const)(
    '%s it was done has failed for each of its calls, and each repeats by its own id',
    async (when) => {
      const { client, wire, service, seen } = await start()
      let failures = 2
      wire[when] = ({ call }) => {
        if (call === 'batch' && failures-- > 0) cut()
      }
      const leases = await Promise.all(times(3, () => client.semaphore('reports', 10).acquire()))
      expect(await usedOf(service)).toBe(3)
      const sent = wire
        .calls('batch')
        .map(({ body }) => (body['calls'] as { leaseId: string }[]).map((one) => one.leaseId))
      expect(sent.slice(0, 2)).toEqual(times(2, () => leases.map(({ id }) => id)))
      expect(seen('retry').length).toBeGreaterThanOrEqual(3)
      expect(new Set(seen('retry').map(({ error }) => error)).size).toBe(seen('retry').length)
    },
  )

  it('for want of time is cut, and its calls are undone or repeated', async () => {
    const { client, wire, service } = await start({ timeoutMs: 100 })
    let isSlow = true
    wire.after = async ({ call, signal }) => {
      if (call !== 'batch' || !isSlow) return
      isSlow = false
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    }
    await Promise.all(times(2, () => client.semaphore('reports', 2).acquire()))
    expect(await usedOf(service)).toBe(2)
  })

  it('with a refusal of its own (a wrong key) refuses each of its calls', async () => {
    const refusal = { code: 'UNAUTHENTICATED', detail: 'no such key', status: 401 }
    const { client } = await start({ fetch: answering(() => ({ status: 401, body: refusal })) })
    const settled = await Promise.allSettled(times(2, () => client.semaphore('reports').acquire()))
    const errors = settled.map((one): unknown => ('reason' in one ? one.reason : undefined))
    expect(errors).toEqual([expect.any(AuthenticationError), expect.any(AuthenticationError)])
    expect(errors[0]).not.toBe(errors[1])
  })
})
