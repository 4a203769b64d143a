import { startReplicated, startTestRedis } from '@signalbox/test-redis'
import type { TestRedis } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createRedisStore } from '../src/redis/redis-store.js'
import type { RedisStore } from '../src/redis/redis-store.js'

describe('what the store says of its server', () => {
  let redis: TestRedis
  let admin: Redis
  let store: RedisStore

  beforeAll(async () => {
    redis = await startTestRedis({ ownServer: true, say: () => undefined })
    admin = new Redis(redis.url)
    await admin.acl('SETUSER', 'signal', 'on', '>secret', 'allkeys', 'allchannels', 'allcommands')
    store = createRedisStore({ url: redis.url.replace('//', '//signal:secret@') })
    await vi.waitFor(() => store.ping(), { timeout: 5_000 })
  })
  afterAll(async () => {
    await store.close()
    admin.disconnect()
    await redis.stop()
  })

  it('which it is and where, and no credentials', async () => {
    expect(await store.ping()).toMatch(new RegExp(`^(redis|valkey) \\d+\\.\\d+\\.\\d+ at ${redis.host}:${redis.port}$`))
  })

  it('that it may evict or forget what it was told', async () => {
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru')
    expect(await store.warnings()).toEqual([
      {
        kind: 'eviction',
        text: 'maxmemory-policy is allkeys-lru: Redis may evict semaphores that are in use. Set it to noeviction.',
      },
      {
        kind: 'persistence',
        text: 'appendonly is no and save is empty: a restart of Redis forgets every lease. Set appendonly to yes.',
      },
    ])
  })

  it('nothing of a server that is set up well', async () => {
    await admin.config('SET', 'maxmemory-policy', 'noeviction')
    await admin.config('SET', 'save', '3600 1')
    expect(await store.warnings()).toEqual([])
    await admin.config('SET', 'save', '')
    await admin.config('SET', 'appendonly', 'yes')
    expect(await store.warnings()).toEqual([])
    await admin.config('SET', 'appendonly', 'no')
  })

  it('that fewer Redis replicas are attached than it is to wait for', async () => {
    const warningsOf = async (waitReplicas: number): Promise<readonly string[]> => {
      const waiting = createRedisStore({ url: pair.primary.url, waitReplicas })
      try {
        await vi.waitFor(() => waiting.ping(), { timeout: 5_000 })
        const warnings = await waiting.warnings()
        return warnings.filter(({ kind }) => kind === 'few_replicas').map(({ text }) => text)
      } finally {
        await waiting.close()
      }
    }
    const pair = await startReplicated()
    try {
      for (const enough of [0, 1]) expect(await warningsOf(enough)).toEqual([])
      expect(await warningsOf(2)).toEqual([
        '1 Redis replicas are attached, and 2 must have a lease before its caller is told: acquires are 503 until they are.',
      ])
    } finally {
      await pair.stop()
    }
  })

  it('nothing of what it may not ask', async () => {
    await admin.acl('SETUSER', 'signal', '-config')
    expect(await store.warnings()).toEqual([])
  })

  it('that it may not serve: wrong credentials are no bug of the service', async () => {
    const stranger = createRedisStore({ url: redis.url.replace('//', '//signal:wrong@') })
    await vi.waitFor(() => expect(stranger.ping()).rejects.toThrow(/StoreUnavailable|WRONGPASS/), { timeout: 5_000 })
    await vi.waitFor(() => expect(stranger.ping()).rejects.toThrow(/WRONGPASS/), { timeout: 5_000 })
    await stranger.close()
  })
})
