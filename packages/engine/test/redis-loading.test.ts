import { randomUUID } from 'node:crypto'
import { startTestRedis } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { createRedisStore } from '../src/redis/redis-store.js'

// A server that starts with data answers INFO, and nothing else, long before it serves.
it('a server that still loads its data is unavailable, and then serves what it had', async () => {
  const slowToLoad = ['--key-load-delay', '5000', '--loading-process-events-interval-bytes', '1024']
  const redis = await startTestRedis({ config: slowToLoad, say: () => undefined })
  const admin = new Redis(redis.url)
  admin.on('error', () => undefined)
  const store = createRedisStore({ url: redis.url })
  try {
    await expect.poll(() => store.ping().catch(String)).toMatch(/^(redis|valkey) /)
    const request = { semaphore: 's', permits: 1, ttlMs: 60_000, enqueue: false, holder: '' }
    const create = { limit: 1, bounded: true, onConflict: 'keep' } as const
    const call = { ...request, leaseId: randomUUID(), attachment: { replica: 'r1', number: 1 }, create }
    await store.acquire(call)
    const filler = 'x'.repeat(200)
    await Promise.all(Array.from({ length: 200 }, (_, i) => admin.set(`filler-${i}`, filler)))
    await admin.save()
    await redis.kill()
    const early: string[] = []
    const asking = setInterval(
      () =>
        void store.ping().then(
          (word) => early.push(word),
          (error: unknown) => early.push(String(error)),
        ),
      5,
    )
    // half of the time that loading takes
    setTimeout(() => clearInterval(asking), 500)
    await redis.restart()
    expect(early.length).toBeGreaterThan(10)
    for (const answer of early) expect(answer).toMatch(/^StoreUnavailableError: Redis did not answer ping: /)
    await expect
      .poll(() => store.acquire({ ...call, create: null }).catch(String), { timeout: 5_000 })
      .toMatchObject({ kind: 'granted' })
  } finally {
    admin.disconnect()
    await store.close()
    await redis.stop()
  }
})
