import { randomUUID } from 'node:crypto'
import { startTcpProxy, startTestRedis, type TestRedis } from '@signalbox/test-redis'
import { AcquireTimeoutError, PermitsUnavailableError, UnavailableError } from '@signalbox/client'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { pass, startReplica, startReplicas } from './served.js'

/** A server whose commands only this test counts, and which it may hurt. */
async function ownRedis(): Promise<TestRedis> {
  const redis = await startTestRedis({ ownServer: true, say: () => undefined })
  onTestFinished(() => redis.stop())
  return redis
}

function connectTo({ url }: TestRedis): Redis {
  const redis = new Redis(url)
  onTestFinished(() => {
    redis.disconnect()
  })
  return redis
}

/** Calls of each command since the last reset. */
async function callsOf(redis: Redis): Promise<Map<string, number>> {
  const lines = (await redis.info('commandstats')).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)
  return new Map([...lines].map(([, command, calls]) => [command ?? '', Number(calls)]))
}

describe('scoreboard: what it asks of Redis', () => {
  it('T7: 1,000 idle waiters cost one heartbeat a replica, and nothing else', { timeout: 60_000 }, async () => {
    const server = await ownRedis()
    const heartbeatMs = 500
    const service = await startReplica({ redisUrl: server.url, engine: { heartbeatMs } })
    await service.post('idle', 'acquire', { ttlMs: 600_000, create: { limit: 1 } })
    const waiting = Array.from({ length: 1_000 }, () => service.post('idle', 'acquire', { waitMs: 25_000 }))
    await vi.waitFor(async () => {
      expect(await service.inspect('idle')).toMatchObject({ waiting: 1_000 })
    }, 20_000)
    const redis = connectTo(server)
    const startedMs = performance.now()
    await redis.config('RESETSTAT')
    await pass(4 * heartbeatMs)
    const scripts = (await callsOf(redis)).get('evalsha') ?? 0
    const heartbeatsMax = Math.ceil((performance.now() - startedMs) / heartbeatMs) + 1
    expect(scripts).toBeGreaterThan(0)
    expect(scripts).toBeLessThanOrEqual(heartbeatsMax)
    // Closing the service answers them all.
    void Promise.allSettled(waiting)
  })

  it('T8: from a release to the next holder there is one script and one notice, on whatever replica', async () => {
    const server = await ownRedis()
    const [one, two] = await startReplicas({ redisUrl: server.url })
    const held = await one.post('handoff', 'acquire', { create: { limit: 1 } })
    const next = two.post('handoff', 'acquire', { waitMs: 20_000 })
    await vi.waitFor(async () => {
      expect(await one.inspect('handoff')).toMatchObject({ waiting: 1 })
    })
    const redis = connectTo(server)
    await redis.config('RESETSTAT')
    await one.post('handoff', 'release', { leaseId: held.body['leaseId'] })
    expect((await next).status).toBe(200)
    const calls = await callsOf(redis)
    expect({ scripts: calls.get('evalsha'), notices: calls.get('publish') }).toEqual({ scripts: 1, notices: 1 })
  })

  it(
    'T14: 20,000 leases that end at once break no call, and no script ends more than 1,000',
    { timeout: 60_000 },
    async () => {
      const service = await startReplica()
      const create = { limit: 20_000, bounded: true, onConflict: 'keep' } as const
      let overAtMs = 0
      const grantThousand = async (semaphore: string, endsAtMs: number): Promise<void> => {
        const ttlMs = Math.round(endsAtMs - performance.now())
        const grants = Array.from({ length: 1_000 }, (_, number) =>
          service.store.acquire({
            ...{ semaphore, leaseId: randomUUID(), permits: 1, ttlMs, holder: '', create, enqueue: false },
            attachment: { replica: 'test', number },
          }),
        )
        for (const reply of await Promise.all(grants)) {
          if (reply.kind !== 'granted') throw new Error(reply.kind)
          overAtMs = Math.max(overAtMs, performance.now() + reply.lease.expiresInMs)
        }
      }
      // All deadlines are about one moment, as soon as this machine has made the grants.
      await grantThousand('warm-up', performance.now() + 60_000)
      const startedMs = performance.now()
      await grantThousand('measure', startedMs + 60_000)
      const endsAtMs = performance.now() + 500 + 30 * (performance.now() - startedMs)
      overAtMs = 0
      for (let batch = 0; batch < 20; batch += 1) await grantThousand('mass', endsAtMs)
      expect(await service.inspect('mass')).toMatchObject({ used: 20_000 })
      await pass(overAtMs - performance.now())
      const [all, one, ...others] = await Promise.all([
        service.post('mass', 'acquire', { permits: 19_000 }),
        service.post('mass', 'acquire', {}),
        service.post('mass', 'acquire', { waitMs: 1_000 }),
        service.post('mass', 'renew', { leaseId: randomUUID(), ttlMs: 1_000 }),
        service.post('mass', 'release', { leaseId: randomUUID() }),
      ])
      expect([all.status, one.status, ...others.map(({ status }) => status)]).toEqual([200, 200, 200, 410, 410])
      // Each script that comes by takes some of them out.
      for (let look = 0; look < 20; look += 1) expect(await service.inspect('mass')).toMatchObject({ used: 19_002 })
      expect(service.expiredByScript.reduce((sum, leases) => sum + leases, 0)).toBe(20_000)
      expect(Math.max(...service.expiredByScript)).toBeLessThanOrEqual(1_000)
    },
  )

  it('T18: SCRIPT FLUSH in traffic reaches no caller', async () => {
    const server = await ownRedis()
    const service = await startReplica({ redisUrl: server.url })
    const semaphore = service.client({ retryForMs: 0 }).semaphore('flushed', 4)
    const redis = connectTo(server)
    let flushes = 0
    const traffic = { isOver: false }
    const flushing = (async () => {
      while (!traffic.isOver) {
        await redis.script('FLUSH')
        flushes += 1
      }
    })()
    await Promise.all(Array.from({ length: 200 }, () => semaphore.run(() => pass(1))))
    traffic.isOver = true
    await flushing
    expect(flushes).toBeGreaterThan(10)
    expect(await service.inspect('flushed')).toMatchObject({ used: 0, waiting: 0 })
  })

  it('T20: down, busy, and waited in vain are three things', async () => {
    const server = await ownRedis()
    const proxy = await startTcpProxy(server)
    onTestFinished(() => proxy.close())
    const service = await startReplica({ redisUrl: `redis://127.0.0.1:${String(proxy.port)}` })
    const semaphore = service.client({ retryForMs: 0 }).semaphore('three', 1)
    await semaphore.acquire()
    await expect(semaphore.acquire({ waitMs: 0 })).rejects.toBeInstanceOf(PermitsUnavailableError)
    await expect(semaphore.tryAcquire()).resolves.toBeNull()
    await expect(semaphore.acquire({ waitMs: 100 })).rejects.toBeInstanceOf(AcquireTimeoutError)
    await proxy.refuse()
    for (const waitMs of [0, 100]) {
      const down = semaphore.acquire({ waitMs })
      await expect(down).rejects.toBeInstanceOf(UnavailableError)
      await expect(down).rejects.toMatchObject({ status: 503, code: 'STORE_UNAVAILABLE', retryable: true })
    }
    await expect(semaphore.tryAcquire()).rejects.toBeInstanceOf(UnavailableError)
  })
})
