import { randomUUID } from 'node:crypto'
import { startTestRedis } from '@signalbox/test-redis'
import type { TestRedis } from '@signalbox/test-redis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createRedisStore } from '../src/redis/redis-store.js'
import type { RedisStore } from '../src/redis/redis-store.js'
import type { AcquireCall, Notice } from '../src/store.js'

// A node in cluster mode refuses a script that touches a key it did not declare, or keys of several slots.
describe('on a node in cluster mode', () => {
  let redis: TestRedis
  let store: RedisStore
  const heard: Notice[] = []

  beforeAll(async () => {
    redis = await startTestRedis({ cluster: true, say: () => undefined })
    store = createRedisStore({ url: redis.url })
    await vi.waitFor(() => store.listen('r1', (notice) => heard.push(notice)), { timeout: 5_000 })
  })
  afterAll(async () => {
    await store.close()
    await redis.stop()
  })

  it('every script runs', async () => {
    const ids = Array.from({ length: 4 }, () => randomUUID())
    const [first = '', second = '', third = '', fourth = ''] = ids
    const acquire = (leaseId: string, number: number): ReturnType<RedisStore['acquire']> => {
      const request = { semaphore: 's', permits: 1, ttlMs: 60_000, enqueue: true, holder: 'me' }
      const create: AcquireCall['create'] = { limit: 1, bounded: false, onConflict: 'keep' }
      return store.acquire({ ...request, leaseId, attachment: { replica: 'r1', number }, create })
    }
    const kinds = []
    for (const [index, id] of ids.entries()) kinds.push((await acquire(id, index)).kind)
    expect(kinds).toEqual(['granted', 'queued', 'queued', 'queued'])
    const open = ids.map((leaseId, number) => ({ leaseId, number }))
    const beat = await store.heartbeat({ semaphore: 's', replica: 'r1', open })
    expect(beat.states.map(({ kind }) => kind)).toEqual(['granted', 'waiting', 'waiting', 'waiting'])
    expect(await store.renew({ semaphore: 's', leaseId: first, ttlMs: 90_000 })).toMatchObject({ kind: 'renewed' })
    expect(await store.reap({ semaphore: 's' })).toEqual({ nearestInMs: expect.any(Number) as unknown })
    expect(await store.release({ semaphore: 's', leaseId: first, retire: true })).toMatchObject({ kind: 'released' })
    expect(await acquire(first, 9)).toEqual({ kind: 'wait_cancelled' })
    expect(await store.release({ semaphore: 's', leaseId: third, retire: false })).toMatchObject({ kind: 'cancelled' })
    const growth = { semaphore: 's', permits: 1, requestId: randomUUID(), limitMax: 10 }
    expect(await store.addPermits(growth)).toMatchObject({ kind: 'state', state: { limit: 2, used: 2, waiting: 0 } })
    const end = { semaphore: 's', leaseId: fourth, attachment: { replica: 'r1', number: 3 }, unlessHeld: false }
    expect(await store.end(end)).toEqual({ kind: 'returned' })
    expect(await store.waiters({ semaphore: 's', cursor: null, pageSize: 10 })).toMatchObject({
      kind: 'page',
      items: [],
    })
    const leases = await store.leases({ semaphore: 's', cursor: null, pageSize: 10 })
    const fence = leases.kind === 'page' ? (leases.items[0]?.fence ?? 0) : 0
    expect(await store.revoke({ semaphore: 's', fence })).toMatchObject({ kind: 'released' })
    expect(await store.configure({ semaphore: 's', limit: 3, bounded: null })).toMatchObject({ kind: 'configured' })
    expect(await store.inspect({ semaphore: 's' })).toMatchObject({ state: { limit: 3, bounded: false, used: 0 } })
    expect((await store.semaphores({ prefix: '', cursor: null, pageSize: 10 })).items).toHaveLength(1)
    expect(await store.remove({ semaphore: 's', force: false })).toEqual({ kind: 'removed' })
    await vi.waitFor(() => {
      expect(heard.flatMap((notice) => (notice.kind === 'granted' ? [notice.leaseId] : []))).toEqual([second, fourth])
      expect(heard.flatMap((notice) => (notice.kind === 'cancelled' ? [notice.leaseId] : []))).toEqual([third])
    })
  })
})
