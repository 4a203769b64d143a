import { randomUUID } from 'node:crypto'
import { startReplicated, type TestReplicated } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { runFailovers } from '../failovers/failovers.js'
import { startReplica } from './served.js'

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
