import { randomUUID } from 'node:crypto'
import { startReplicated, type TestReplicated } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { runFailovers } from '../failovers/failovers.js'
import { pass, startReplica } from './served.js'

const keyPrefix = 'replicated:'
const replication = { waitReplicas: 1, waitTimeoutMs: 1_000 }

async function pair(): Promise<TestReplicated> {
  const servers = await startReplicated()
  onTestFinished(() => servers.stop())
  return servers
}

async function idsOn(url: string, semaphore: string): Promise<string[]> {
  const redis = new Redis(url)
  try {
    return await redis.zrange(`${keyPrefix}{${semaphore}}:deadlines`, 0, '-1')
  } finally {
    redis.disconnect()
  }
}

describe('replicated grants', () => {
  it('a lease is on the Redis replica before its caller is told', async () => {
    const { primary, link, replica } = await pair()
    const service = await startReplica({ redisUrl: primary.url, keyPrefix, replication })
    link.delayMs = 30
    const leaseId = randomUUID()
    expect((await service.post('crew', 'acquire', { leaseId, create: { limit: 1 } })).status).toBe(200)
    expect(await idsOn(replica.url, 'crew')).toEqual([leaseId])
  })

  it('without the Redis replica it is 503, and nothing is left of the lease', async () => {
    const { primary, replica } = await pair()
    const service = await startReplica({ redisUrl: primary.url, keyPrefix, replication })
    await service.put('crew', { limit: 1 })
    await replica.pause()
    const refused = await service.post('crew', 'acquire', { ttlMs: 600_000 })
    expect(refused).toMatchObject({ status: 503, body: { code: 'STORE_UNAVAILABLE' } })
    await vi.waitFor(async () => expect(await service.inspect('crew')).toMatchObject({ used: 0 }))
    await replica.resume()
    await vi.waitFor(async () => expect((await service.post('crew', 'acquire', {})).status).toBe(200), 10_000)
  })

  it('repeats and renewals wait as well, and leave what another attempt was told of', async () => {
    const { primary, replica } = await pair()
    const service = await startReplica({ redisUrl: primary.url, keyPrefix, replication })
    const leaseId = randomUUID()
    const acquire = { leaseId, ttlMs: 600_000, create: { limit: 1 } }
    expect((await service.post('crew', 'acquire', acquire)).status).toBe(200)
    await replica.pause()
    const codes = { status: 503, body: { code: 'STORE_UNAVAILABLE' } }
    expect(await service.post('crew', 'acquire', acquire)).toMatchObject(codes)
    expect(await service.post('crew', 'renew', { leaseId, ttlMs: 600_000 })).toMatchObject(codes)
    await replica.resume()
    expect(await service.inspect('crew')).toMatchObject({ used: 1 })
    await vi.waitFor(async () => expect((await service.post('crew', 'acquire', acquire)).status).toBe(200), 10_000)
  })

  it('a grant that another call made by its release waits as well', async () => {
    const { primary, replica } = await pair()
    const service = await startReplica({
      ...{ redisUrl: primary.url, keyPrefix, replication },
      engine: { heartbeatMs: 200 },
    })
    const holder = randomUUID()
    await service.post('crew', 'acquire', { leaseId: holder, create: { limit: 1 } })
    const waits = (waitMs: number) => service.post('crew', 'acquire', { waitMs, ttlMs: 600_000 })
    const impatient = waits(2_500)
    await vi.waitFor(async () => expect(await service.inspect('crew')).toMatchObject({ waiting: 1 }))
    const patient = waits(20_000)
    await vi.waitFor(async () => expect(await service.inspect('crew')).toMatchObject({ waiting: 2 }))
    await replica.pause()
    expect((await service.post('crew', 'release', { leaseId: holder })).status).toBe(200)
    expect(await impatient).toMatchObject({ status: 503, body: { code: 'STORE_UNAVAILABLE' } })
    // Given back, and on to the next, who is told of it when the Redis replica has it.
    await replica.resume()
    const granted = await patient
    expect(granted.status).toBe(200)
    expect(await idsOn(replica.url, 'crew')).toEqual([granted.body['leaseId']])
  })

  describe('a queued grant that is not replicated in time', () => {
    interface Told {
      /** Of the lease that the store granted first. */
      readonly firstFence: number
      readonly body: Readonly<Record<string, unknown>>
      /** How much longer the store's lease lasts than its caller believes, at least. */
      readonly spareMs: number
    }

    async function grantWhilePaused(
      ttlMs: number,
      until: (firstFence: number, fences: () => Promise<number[]>) => unknown,
    ): Promise<Told> {
      const { primary, replica } = await pair()
      const service = await startReplica({
        ...{ redisUrl: primary.url, keyPrefix, replication: { waitReplicas: 1, waitTimeoutMs: 200 } },
        engine: { heartbeatMs: 100 },
      })
      const leases = async () => {
        const page = await service.store.leases({ semaphore: 'crew', cursor: null, pageSize: 10 })
        return page.kind === 'page' ? page.items : []
      }
      const fences = async (): Promise<number[]> => (await leases()).map(({ fence }) => fence)
      const holder = randomUUID()
      // On a busy machine its Redis replica may take longer than the time-out above, and the first tries be given back.
      const holds = () => service.post('crew', 'acquire', { leaseId: holder, ttlMs: 600_000, create: { limit: 1 } })
      await vi.waitFor(async () => expect((await holds()).status).toBe(200), 10_000)
      const sentAtMs = performance.now()
      const waiting = service.post('crew', 'acquire', { waitMs: 20_000, ttlMs })
      await vi.waitFor(async () => expect(await service.inspect('crew')).toMatchObject({ waiting: 1 }))
      await replica.pause()
      await service.post('crew', 'release', { leaseId: holder })
      const [firstFence = 0] = await fences()
      await until(firstFence, fences)
      await replica.resume()
      const { status, body } = await waiting
      expect(status).toBe(200)
      const heardAtMs = performance.now()
      const [lease] = await leases()
      expect(lease?.fence).toBe(body['fence'])
      // As the SDK reckons it.
      const sinceMs = Math.min(Number(body['waitedMs']), heardAtMs - sentAtMs)
      const believedMs = sentAtMs + sinceMs + Number(body['expiresInMs'])
      return { firstFence, body, spareMs: performance.now() + (lease?.expiresInMs ?? 0) - believedMs }
    }

    it('is told of when it is, and as no longer than what is left of it', async () => {
      const { firstFence, body, spareMs } = await grantWhilePaused(60_000, () => pass(1_000))
      expect(body['fence']).toBe(firstFence)
      expect(spareMs).toBeGreaterThanOrEqual(0)
    })

    it('is never told of when it has run out meanwhile: the wait goes on for another one', async () => {
      const { firstFence, body, spareMs } = await grantWhilePaused(1_500, (first, fences) =>
        vi.waitFor(async () => expect(Math.max(...(await fences()))).toBeGreaterThan(first), 10_000),
      )
      expect(body['fence']).toBeGreaterThan(firstFence)
      expect(spareMs).toBeGreaterThanOrEqual(0)
    })
  })

  it('one round of WAIT serves all that came meanwhile', async () => {
    const { primary, link } = await pair()
    const service = await startReplica({ redisUrl: primary.url, keyPrefix, replication })
    await service.put('crew', { limit: 100 })
    link.delayMs = 50
    const redis = new Redis(primary.url)
    onTestFinished(() => redis.disconnect())
    await redis.config('RESETSTAT')
    const replies = await Promise.all(Array.from({ length: 100 }, () => service.post('crew', 'acquire', {})))
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(100)
    const waits = Number(/cmdstat_wait:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1])
    expect(waits).toBeGreaterThan(0)
    expect(waits).toBeLessThan(20)
  })

  it('no lease is lost when the primary dies in traffic', { timeout: 120_000 }, async () => {
    const { granted, held, lost } = await runFailovers({ failovers: 3, waitReplicas: 1, linkMs: 2 })
    expect(granted).toBeGreaterThan(0)
    expect(held).toBeGreaterThan(0)
    expect(lost).toBe(0)
  })

  it('does not keep a lease that no Redis replica had yet when none is waited for', async () => {
    const { primary, link, replica } = await pair()
    const service = await startReplica({ redisUrl: primary.url, keyPrefix })
    await service.put('crew', { limit: 1 })
    link.hold()
    expect((await service.post('crew', 'acquire', {})).status).toBe(200)
    await primary.kill()
    link.cut()
    expect(await idsOn(replica.url, 'crew')).toEqual([])
  })
})
