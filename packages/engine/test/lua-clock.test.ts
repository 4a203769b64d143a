import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { expect, it, onTestFinished, vi } from 'vitest'
import { createRedisStore } from '../src/redis/redis-store.js'
import { redisUrl } from './script-table.js'

// All other tables replace the clock.
it('is that of Redis, in µs', async () => {
  const redis = new Redis(redisUrl())
  const keyPrefix = `test-${randomUUID()}:`
  const store = createRedisStore({ url: redisUrl(), keyPrefix })
  onTestFinished(async () => {
    await store.close()
    await redis.unlink(await redis.keys(`${keyPrefix}*`))
    redis.disconnect()
  })
  await vi.waitFor(() => store.ping())
  const timeUs = async (): Promise<number> => {
    const [s, us] = await redis.time()
    return Number(s) * 1_000_000 + Number(us)
  }
  const beforeUs = await timeUs()
  const reply = await store.acquire({
    semaphore: 's',
    leaseId: randomUUID(),
    permits: 1,
    ttlMs: 1_000,
    enqueue: false,
    attachment: { replica: 'r1', number: 1 },
    holder: '',
    create: { limit: 1, bounded: true, onConflict: 'keep' },
  })
  const afterUs = await timeUs()
  if (reply.kind !== 'granted') throw new Error(reply.kind)
  expect(reply.lease.fence).toBeGreaterThanOrEqual(beforeUs)
  expect(reply.lease.fence).toBeLessThanOrEqual(afterUs)
  expect(reply.lease.grantedAtMs).toBe(Math.floor(reply.lease.fence / 1_000))
})
