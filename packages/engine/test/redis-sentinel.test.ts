import { randomUUID } from 'node:crypto'
import { startSentinels } from '@signalbox/test-redis'
import type { TestRedis, TestSentinels } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRedisStore } from '../src/redis/redis-store.js'
import type { RedisStore } from '../src/redis/redis-store.js'
import { StoreRecoveringError, StoreUnavailableError } from '../src/store.js'
import type { AcquireCall, Notice } from '../src/store.js'

const patience = { timeout: 15_000, interval: 20 }

function acquireCall(leaseId: string, number: number): AcquireCall {
  const create = { limit: 1, bounded: true, onConflict: 'keep' } as const
  const request = { semaphore: 's', permits: 1, ttlMs: 60_000, enqueue: true, holder: '', create }
  return { ...request, leaseId, attachment: { replica: 'r1', number } }
}

describe('behind Sentinel', { timeout: 60_000 }, () => {
  let watched: TestSentinels
  let store: RedisStore
  let heard: Notice[]

  beforeEach(async () => {
    watched = await startSentinels()
    heard = []
    store = createRedisStore({ url: watched.url, commandTimeoutMs: 500 })
    await vi.waitFor(() => store.ping(), patience)
    await store.listen('r1', (notice) => heard.push(notice))
  })
  afterEach(async () => {
    await store.close()
    await watched.stop()
  })

  const other = (primary: TestRedis): TestRedis | undefined => watched.servers.find((server) => server !== primary)

  async function onServer<Answer>(
    server: TestRedis | undefined,
    act: (redis: Redis) => Promise<Answer>,
  ): Promise<Answer> {
    const redis = new Redis(server?.url ?? '')
    try {
      return await act(redis)
    } finally {
      redis.disconnect()
    }
  }

  /** Once the other server has all that was written so far: newer engines wait for what this very connection wrote, and for nothing else. */
  async function replicated(): Promise<void> {
    await onServer(await watched.primary(), async (redis) => {
      await redis.set('written', '')
      expect(await redis.wait(1, 20_000)).toBe(1)
    })
  }

  /** One holds, one waits, and both servers know it. */
  async function holdAndQueue(): Promise<{ held: AcquireCall; queued: AcquireCall; fence: number }> {
    const [held, queued] = [acquireCall(randomUUID(), 1), acquireCall(randomUUID(), 2)]
    const reply = await store.acquire(held)
    expect((await store.acquire(queued)).kind).toBe('queued')
    await replicated()
    return { held, queued, fence: reply.kind === 'granted' ? reply.lease.fence : 0 }
  }

  /** What calls answer from now until one is served by another server than this. */
  async function untilServedBy(server: TestRedis | undefined): Promise<unknown[]> {
    const failures: unknown[] = []
    await vi.waitFor(async () => {
      const word = await store.ping().catch((error: unknown) => {
        failures.push(error)
        throw error
      })
      expect(word).toContain(`${server?.host}:${server?.port} (named by Sentinel)`)
    }, patience)
    return failures
  }

  it('a primary that dies makes calls unavailable until another is named; leases and places are still there', async () => {
    const { held, queued, fence } = await holdAndQueue()
    const dead = await watched.primary()
    await dead.kill()
    const failures = await untilServedBy(other(dead))
    expect(failures.length).toBeGreaterThan(0)
    for (const failure of failures) expect(failure).toBeInstanceOf(StoreUnavailableError)
    expect(await store.acquire(held)).toMatchObject({ kind: 'granted', lease: { fence } })
    expect(await store.acquire(queued)).toMatchObject({ kind: 'queued', position: 1 })
    expect(await store.acquire(acquireCall(randomUUID(), 3))).toMatchObject({ kind: 'queued', position: 2 })
    await vi.waitFor(() => expect(heard.map(({ kind }) => kind)).toContain('gap'), patience)
    expect(await store.release({ ...held, retire: false })).toMatchObject({ kind: 'released' })
    await vi.waitFor(
      () => expect(heard).toContainEqual(expect.objectContaining({ kind: 'granted', leaseId: queued.leaseId })),
      patience,
    )
    // It takes itself for the primary until a sentinel tells it that it is not: nobody may be led to it.
    await dead.restart()
    expect(await store.renew({ ...queued, ttlMs: 70_000 })).toMatchObject({ kind: 'renewed' })
  })

  it('a switch by hand is followed, by the listener as well, though the old primary lives on', async () => {
    const { held, queued, fence } = await holdAndQueue()
    const old = await watched.primary()
    await watched.failOver()
    for (const failure of await untilServedBy(other(old))) expect(failure).toBeInstanceOf(StoreUnavailableError)
    expect(await vi.waitFor(() => store.acquire(held), patience)).toMatchObject({ kind: 'granted', lease: { fence } })
    await vi.waitFor(() => expect(heard.map(({ kind }) => kind)).toContain('gap'), patience)
    await store.release({ ...held, retire: false })
    await vi.waitFor(
      () => expect(heard).toContainEqual(expect.objectContaining({ kind: 'granted', leaseId: queued.leaseId })),
      patience,
    )
  })

  it('a listing goes on where another server is the primary: each name comes, some of them twice', async () => {
    const names = Array.from({ length: 2_500 }, (_, index) => `n${index}`)
    // Not all at once: a command is given half a second.
    for (let from = 0; from < names.length; from += 100) {
      const some = names.slice(from, from + 100)
      await Promise.all(some.map((semaphore) => store.configure({ semaphore, limit: 1, bounded: null })))
    }
    await replicated()
    const list = (cursor: string | null): ReturnType<RedisStore['semaphores']> =>
      store.semaphores({ prefix: 'n', cursor, pageSize: 300 })
    const first = await list(null)
    // In the middle of a step of SCAN: fewer than it found were given out.
    expect(first.items).toHaveLength(300)
    const dead = await watched.primary()
    await dead.kill()
    await untilServedBy(other(dead))
    const found = first.items.map(({ name }) => name)
    let cursor = first.nextCursor
    while (cursor !== null) {
      const page: Awaited<ReturnType<typeof list>> = await vi.waitFor(() => list(cursor), patience)
      found.push(...page.items.map(({ name }) => name))
      cursor = page.nextCursor
    }
    expect([...new Set(found)].toSorted()).toEqual(names.toSorted())
  })

  it('a primary that sentinels gave up is left, although it still answers', async () => {
    const { held } = await holdAndQueue()
    const old = await watched.primary()
    // Its Redis replica and the sentinels lose sight of it, and only they: it stops, and goes on when it has been replaced.
    await old.pause()
    await vi.waitFor(async () => expect(await watched.primary()).not.toBe(old), patience)
    // The listener sends nothing that could time out: a sentinel has told it.
    await vi.waitFor(() => expect(heard.map(({ kind }) => kind)).toContain('gap'), patience)
    await old.resume()
    await untilServedBy(other(old))
    expect(await vi.waitFor(() => store.acquire(held), patience)).toMatchObject({ kind: 'granted' })
  })

  it('a Redis replica that had nothing of it and becomes the primary is found out, and grants nothing yet', async () => {
    const { held } = await holdAndQueue()
    const primary = await watched.primary()
    await onServer(other(primary), async (redis) => {
      await redis.config('SET', 'replica-read-only', 'no')
      await redis.flushall()
    })
    await primary.kill()
    await untilServedBy(other(primary))
    const call = (): Promise<unknown> => store.acquire(acquireCall(randomUUID(), 4))
    await vi.waitFor(() => expect(call()).rejects.toBeInstanceOf(StoreRecoveringError), patience)
    expect(store.guardMs()).toBeGreaterThan(0)
    expect(await store.release({ ...held, retire: false })).toEqual({ kind: 'lease_not_held' })
  })

  it('is warned of when a primary may go on by itself', async () => {
    expect(await store.warnings()).toContainEqual(expect.objectContaining({ kind: 'min_replicas' }))
    await onServer(await watched.primary(), (redis) => redis.config('SET', 'min-replicas-to-write', '1'))
    expect(await store.warnings()).not.toContainEqual(expect.objectContaining({ kind: 'min_replicas' }))
  })

  it('is found although all sentinels but one are gone', async () => {
    const [first, second] = watched.sentinels
    await Promise.all([first?.kill(), second?.kill()])
    const another = createRedisStore({ url: watched.url, commandTimeoutMs: 500 })
    try {
      await vi.waitFor(() => another.ping(), patience)
    } finally {
      await another.close()
    }
  })

  it('where no sentinel answers, calls say so', async () => {
    await Promise.all(watched.sentinels.map((sentinel) => sentinel.kill()))
    const another = createRedisStore({ url: watched.url, commandTimeoutMs: 500 })
    try {
      await vi.waitFor(() => expect(another.ping()).rejects.toThrow(/sentinels are unreachable/), patience)
      await expect(another.ping()).rejects.toBeInstanceOf(StoreUnavailableError)
    } finally {
      await another.close()
    }
  })
})
