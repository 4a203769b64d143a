import { randomUUID } from 'node:crypto'
import { LeaseLostError } from '@signalbox/client'
import { startTcpProxy } from '@signalbox/test-redis'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { pass, startProgram, startReplica, startReplicas } from './served.js'

const create = { limit: 1 }

afterEach(() => {
  vi.useRealTimers()
})

describe('scoreboard: what a lease is worth', () => {
  it('T1: a short ttl of another caller does not end a long lease', async () => {
    const service = await startReplica()
    await service.post('one', 'acquire', { ttlMs: 60_000, create })
    expect((await service.post('one', 'acquire', { ttlMs: 200 })).status).toBe(429)
    await pass(250)
    expect((await service.post('one', 'acquire', { ttlMs: 200 })).status).toBe(429)
    expect(await service.inspect('one')).toMatchObject({ used: 1 })
  })

  it('T2: a short lease that ended takes no long one with it', async () => {
    const service = await startReplica()
    await service.post('two', 'acquire', { ttlMs: 60_000, create: { limit: 2 } })
    await service.post('two', 'acquire', { ttlMs: 200 })
    await pass(250)
    expect((await service.post('two', 'acquire', {})).status).toBe(200)
    expect((await service.post('two', 'acquire', {})).status).toBe(429)
  })

  it.each([15_000, -15_000, 300_000, -300_000])(
    'T3: a clock that is %d ms off, of a caller or a replica, has no effect',
    async (offMs) => {
      const [right, wrong] = await startReplicas()
      const held = await right.post('clock', 'acquire', { ttlMs: 20_000, create: { limit: 2 } })
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + offMs })
      expect((await wrong.post('clock', 'acquire', { ttlMs: 250 })).body).toMatchObject({ expiresInMs: 250 })
      expect((await wrong.post('clock', 'acquire', {})).status).toBe(429)
      const lease = await wrong.client().boundedSemaphore('clock', 2).acquire({ ttlMs: 5_000 })
      // A second step, while the lease is held.
      vi.setSystemTime(Date.now() + offMs)
      expect(lease.signal.aborted).toBe(false)
      expect(lease.expiresInMs).toBeGreaterThan(3_000)
      expect(lease.expiresInMs).toBeLessThanOrEqual(5_000)
      vi.useRealTimers()
      expect(await right.inspect('clock')).toMatchObject({ used: 2 })
      expect((await wrong.post('clock', 'renew', { leaseId: held.body['leaseId'], ttlMs: 20_000 })).status).toBe(200)
    },
  )

  it('T4: a granted acquire whose reply was lost is the same lease when it is asked for again', async () => {
    const service = await startReplica()
    const proxy = await startTcpProxy({ host: '127.0.0.1', port: service.port })
    onTestFinished(() => proxy.close())
    const retries: string[] = []
    const client = service.client({
      url: `http://127.0.0.1:${String(proxy.port)}`,
      onEvent: ({ kind }) => retries.push(kind),
    })
    const lost = proxy.loseReplyTo('/acquire')
    const lease = await client.boundedSemaphore('lost', 2).acquire()
    await lost
    expect(retries).toContain('retry')
    expect(await service.inspect('lost')).toMatchObject({ used: 1 })
    expect((await service.post('lost', 'acquire', { leaseId: lease.id })).body).toMatchObject({ fence: lease.fence })
    expect(await service.inspect('lost')).toMatchObject({ used: 1 })
    await lease.release()
    expect(await service.inspect('lost')).toMatchObject({ used: 0 })
  })

  it('T9: a holder that is cut off knows that its lease is lost before anybody else has it', async () => {
    const service = await startReplica()
    const proxy = await startTcpProxy({ host: '127.0.0.1', port: service.port })
    onTestFinished(() => proxy.close())
    const order: string[] = []
    const client = service.client({ url: `http://127.0.0.1:${String(proxy.port)}`, retryForMs: 0 })
    const lease = await client.semaphore('cut', 1).acquire({ ttlMs: 900 })
    lease.signal.addEventListener('abort', () => order.push('lost'))
    const other = service.client().semaphore('cut', 1)
    const next = other.acquire().then(() => order.push('granted to another'))
    proxy.hold()
    await next
    expect(order).toEqual(['lost', 'granted to another'])
    expect(lease.signal.reason).toBeInstanceOf(LeaseLostError)
  })

  it('T12: a lease that nobody renews ends: the loss is told, the count holds, a late release credits nothing', async () => {
    const service = await startReplica()
    const leaseId = randomUUID()
    await service.post('late', 'acquire', { leaseId, ttlMs: 200, create })
    const waiter = await service.post('late', 'acquire', { waitMs: 5_000 })
    expect(waiter.status).toBe(200)
    expect(await service.inspect('late')).toMatchObject({ used: 1, available: 0 })
    expect(await service.post('late', 'renew', { leaseId, ttlMs: 200 })).toMatchObject({
      status: 410,
      body: { code: 'LEASE_NOT_HELD' },
    })
    expect((await service.post('late', 'release', { leaseId })).status).toBe(410)
    expect(await service.inspect('late')).toMatchObject({ used: 1, available: 0 })
  })

  it('T13: a second release, or one with a foreign id, is refused and changes no count', async () => {
    const service = await startReplica()
    const leaseId = randomUUID()
    await service.post('twice', 'acquire', { leaseId, create: { limit: 2 } })
    await service.post('twice', 'acquire', {})
    const refused = { status: 410, body: { code: 'LEASE_NOT_HELD' } }
    expect(await service.post('twice', 'release', { leaseId: randomUUID() })).toMatchObject(refused)
    expect(await service.inspect('twice')).toMatchObject({ used: 2 })
    expect((await service.post('twice', 'release', { leaseId })).status).toBe(200)
    expect(await service.post('twice', 'release', { leaseId })).toMatchObject(refused)
    expect(await service.inspect('twice')).toMatchObject({ used: 1, available: 1 })
  })

  it('T19: a renewal in flight while the release lands is no loss', async () => {
    const service = await startReplica()
    let letThrough: () => void = () => undefined
    const released = new Promise<void>((resolve) => (letThrough = resolve))
    const answers: number[] = []
    let renewals = 0
    const client = service.client({
      // The first renewal reaches the service after the release did, and its 410 reaches the holder.
      fetch: async (url, request) => {
        if (!url.endsWith('/renew')) return await fetch(url, request)
        renewals += 1
        await released
        const response = await fetch(url, request)
        answers.push(response.status)
        return response
      },
    })
    const lease = await client.semaphore('renewing', 1).acquire({ ttlMs: 3_000 })
    let lost = false
    lease.signal.addEventListener('abort', () => (lost = true))
    await vi.waitFor(() => {
      expect(renewals).toBe(1)
    }, 5_000)
    const releasing = lease.release()
    await vi.waitFor(async () => {
      expect(await service.inspect('renewing')).toMatchObject({ used: 0 })
    }, 2_000)
    letThrough()
    await vi.waitFor(() => {
      expect(answers).toEqual([410])
    }, 5_000)
    await releasing
    // What the 410 would do, it would do in the microtasks after it was read.
    await pass(50)
    expect({ lost, aborted: lease.signal.aborted }).toEqual({ lost: false, aborted: false })
  })

  it('T15: a holder whose event loop was blocked past the deadline is told as soon as it runs again', async () => {
    const service = await startReplica()
    const program = startProgram('block.mjs', service.url, 'blocked', '400')
    expect(await program.exit).toBe(0)
    expect(program.lines).toEqual(['held', 'lost after 0 turns: LeaseLostError'])
  })
})
