import { startCluster, startSentinels, type TestCluster } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startReplica, type Replica } from './served.js'

const names = Array.from({ length: 12 }, (_, number) => `crew-${String(number)}`)
const create = { limit: 1 }

async function cluster(options: { withReplicas?: boolean } = {}): Promise<TestCluster> {
  const started = await startCluster(options)
  onTestFinished(() => started.stop())
  return started
}

/** Of these semaphores, those that each of the three primaries keeps. */
async function byPrimary({ primaries }: TestCluster, prefix: string): Promise<string[][]> {
  const [first] = primaries
  if (first === undefined) throw new Error('a cluster has a primary')
  const redis = new Redis(first.url)
  const shared: string[][] = primaries.map(() => [])
  for (const name of names) {
    const slot = await redis.cluster('KEYSLOT', `${prefix}{${name}}:state`)
    shared[Math.floor((slot * primaries.length) / 16_384)]?.push(name)
  }
  redis.disconnect()
  return shared
}

/** What acquires of them are answered, each answer once. */
async function codes(replica: Replica, semaphores: readonly string[]): Promise<unknown[]> {
  const replies = await Promise.all(semaphores.map((name) => replica.post(name, 'acquire', { create })))
  return [...new Set(replies.map(({ body }) => body['code'] ?? 'held'))]
}

describe('replicated grants in a cluster', () => {
  it('wait for the Redis replica of the primary that keeps the semaphore, and for no other', async () => {
    const servers = await cluster({ withReplicas: true })
    const keyPrefix = 'replicated:'
    const replication = { waitReplicas: 1, waitTimeoutMs: 1_000 }
    const service = await startReplica({ redisUrl: servers.url, keyPrefix, replication })
    const [alone = [], ...others] = await byPrimary(servers, keyPrefix)
    await servers.replicas[0]?.pause()
    expect(await codes(service, alone)).toEqual(['STORE_UNAVAILABLE'])
    expect(await codes(service, others.flat())).toEqual(['held'])
    await servers.replicas[0]?.resume()
    await vi.waitFor(async () => expect(await codes(service, alone)).toEqual(['held']), 20_000)
  })
})

describe('replicated grants behind Sentinel', () => {
  it('go on with the primary of the moment', async () => {
    const servers = await startSentinels()
    onTestFinished(() => servers.stop())
    const replication = { waitReplicas: 1, waitTimeoutMs: 1_000 }
    const service = await startReplica({ redisUrl: servers.url, replication })
    const acquire = async (name: string) => (await service.post(name, 'acquire', { create })).status
    expect(await acquire('before')).toBe(200)
    await servers.failOver()
    let number = 0
    await vi.waitFor(async () => expect(await acquire(`after-${String(number++)}`)).toBe(200), 30_000)
  })
})
