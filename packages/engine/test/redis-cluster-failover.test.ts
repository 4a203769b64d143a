import { randomUUID } from 'node:crypto'
import { startCluster } from '@signalbox/test-redis'
import type { TestCluster, TestClusterNode } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { keySlot, tagOfSlot } from '../src/redis/key-slot.js'
import { createRedisStore } from '../src/redis/redis-store.js'
import type { RedisStore } from '../src/redis/redis-store.js'
import { StoreRecoveringError, StoreUnavailableError } from '../src/store.js'
import type { AcquireCall, Notice } from '../src/store.js'

const patience = { timeout: 20_000, interval: 20 }
/** Semaphores whose slots are the first primary's, the second's and the third's. */
const names = [0, 6_000, 12_000].map(tagOfSlot)

function acquireCall(semaphore: string, number = 1): AcquireCall {
  const create = { limit: 1, bounded: true, onConflict: 'keep' } as const
  const request = { permits: 1, ttlMs: 60_000, enqueue: true, holder: '', create }
  return { ...request, semaphore, leaseId: randomUUID(), attachment: { replica: 'r1', number } }
}

async function onServer<Answer>(
  server: TestClusterNode | undefined,
  act: (redis: Redis) => Promise<Answer>,
): Promise<Answer> {
  const redis = new Redis(server?.url ?? '')
  try {
    return await act(redis)
  } finally {
    redis.disconnect()
  }
}

/** Once its Redis replica has all that was written so far: newer engines wait for what this very connection wrote, and for nothing else. */
async function replicated(primary: TestClusterNode | undefined, name: string): Promise<void> {
  await onServer(primary, async (redis) => {
    await redis.set(`{${name}}:written`, '')
    expect(await redis.wait(1, 20_000)).toBe(1)
  })
}

describe('when a primary of a cluster is lost', { timeout: 60_000 }, () => {
  let cluster: TestCluster
  let store: RedisStore
  let other: RedisStore
  let heard: Notice[]

  beforeEach(async () => {
    cluster = await startCluster({ withReplicas: true })
    store = createRedisStore({ url: cluster.url, commandTimeoutMs: 500 })
    other = createRedisStore({ url: cluster.url, commandTimeoutMs: 500 })
    heard = []
    for (const each of [store, other]) await vi.waitFor(() => each.ping(), patience)
    await store.listen('r1', (notice) => heard.push(notice))
  }, 60_000)
  afterEach(async () => {
    await Promise.all([store.close(), other.close()])
    await cluster.stop()
  })

  /** One holds each semaphore and one waits, and the Redis replicas know it. */
  async function holdAndQueueAll(): Promise<{ held: AcquireCall; queued: AcquireCall; fence: number }[]> {
    const all = []
    for (const [index, name] of names.entries()) {
      const [held, queued] = [acquireCall(name), acquireCall(name, 2)]
      const reply = await store.acquire(held)
      expect((await store.acquire(queued)).kind).toBe('queued')
      await replicated(cluster.primaries[index], name)
      all.push({ held, queued, fence: reply.kind === 'granted' ? reply.lease.fence : 0 })
    }
    return all
  }

  it('slots and tags are those of the servers', async () => {
    await onServer(cluster.primaries[0], async (redis) => {
      for (const tag of ['', 'a', 'orders', '123456789', 'x:y.z-0', ...names]) {
        expect(keySlot(tag)).toBe(await redis.cluster('KEYSLOT', tag))
      }
    })
    expect(names.map(keySlot)).toEqual([0, 6_000, 12_000])
  })

  it('calls are unavailable until its Redis replica has taken over; then leases and places are there', async () => {
    const [first] = await holdAndQueueAll()
    if (first === undefined) return
    const { held, queued, fence } = first
    await cluster.primaries[0]?.kill()
    const failures: unknown[] = []
    const again = await vi.waitFor(
      () =>
        store.acquire(held).catch((error: unknown) => {
          failures.push(error)
          throw error
        }),
      patience,
    )
    expect(again).toMatchObject({ kind: 'granted', lease: { fence } })
    expect(failures.length).toBeGreaterThan(0)
    for (const failure of failures) expect(failure).toBeInstanceOf(StoreUnavailableError)
    expect(store.guardMs()).toBe(0)
    await vi.waitFor(() => other.release({ ...held, retire: false }), patience)
    await vi.waitFor(() => store.acquire(queued).then((reply) => expect(reply.kind).toBe('granted')), patience)
    await vi.waitFor(async () => expect(await store.ping()).not.toContain(`:${cluster.primaries[0]?.port},`), patience)
    const page = await vi.waitFor(() => store.semaphores({ prefix: '', cursor: null, pageSize: 100 }), patience)
    expect(page.items.map(({ name }) => name).toSorted()).toEqual(names.toSorted())
  })

  it('a listing goes on at the one that took over, from its beginning: each name comes, some of them twice', async () => {
    const many = Array.from({ length: 2_000 }, (_, index) => `n${index}`)
    // Not all at once: a command is given half a second.
    for (let from = 0; from < many.length; from += 100) {
      const some = many.slice(from, from + 100)
      await Promise.all(some.map((semaphore) => store.configure({ semaphore, limit: 1, bounded: null })))
    }
    await Promise.all(cluster.primaries.map((primary, index) => replicated(primary, names[index] ?? '')))
    const list = (cursor: string | null): ReturnType<RedisStore['semaphores']> =>
      store.semaphores({ prefix: 'n', cursor, pageSize: 300 })
    const first = await list(null)
    // In the middle of the first primary, which has a third of the names.
    expect(first.items).toHaveLength(300)
    await cluster.primaries[0]?.kill()
    const found = first.items.map(({ name }) => name)
    let cursor = first.nextCursor
    while (cursor !== null) {
      const page: Awaited<ReturnType<typeof list>> = await vi.waitFor(() => list(cursor), patience)
      found.push(...page.items.map(({ name }) => name))
      cursor = page.nextCursor
    }
    expect([...new Set(found)].toSorted()).toEqual(many.toSorted())
  })

  it('the listener moves on when it was at that very node', async () => {
    await holdAndQueueAll()
    const nodes = [...cluster.primaries, ...cluster.replicas]
    const lists = await Promise.all(
      nodes.map((node) => onServer(node, (redis) => redis.client('LIST', 'TYPE', 'PUBSUB'))),
    )
    const at = nodes[lists.findIndex((list) => String(list).includes('name=signalbox-listener'))]
    await at?.kill()
    await vi.waitFor(() => expect(heard.map(({ kind }) => kind)).toContain('gap'), patience)
    const queued = acquireCall(names[2] ?? '')
    await vi.waitFor(() => store.acquire(queued), patience)
    await vi.waitFor(() => other.configure({ semaphore: names[2] ?? '', limit: 3, bounded: null }), patience)
    await vi.waitFor(
      () => expect(heard).toContainEqual(expect.objectContaining({ kind: 'granted', leaseId: queued.leaseId })),
      patience,
    )
  })

  it('one that hangs is replaced as well', async () => {
    const [first] = await holdAndQueueAll()
    await cluster.primaries[0]?.pause()
    const held = first?.held ?? acquireCall('')
    await expect(store.acquire(held)).rejects.toBeInstanceOf(StoreUnavailableError)
    expect(await vi.waitFor(() => store.acquire(held), patience)).toMatchObject({ kind: 'granted' })
    await cluster.primaries[0]?.resume()
    expect(await vi.waitFor(() => store.acquire(held), patience)).toMatchObject({ lease: { fence: first?.fence } })
  })

  it('a Redis replica that had nothing of it is found out, and grants nothing yet; the others go on', async () => {
    const [first] = await holdAndQueueAll()
    await onServer(cluster.replicas[0], async (redis) => {
      await redis.config('SET', 'replica-read-only', 'no')
      await redis.flushall()
    })
    await cluster.primaries[0]?.kill()
    const call = acquireCall(names[0] ?? '', 3)
    await vi.waitFor(() => expect(store.acquire(call)).rejects.toBeInstanceOf(StoreRecoveringError), patience)
    expect(store.guardMs()).toBeGreaterThan(50_000)
    expect(await store.release({ ...(first?.held ?? call), retire: false })).toEqual({ kind: 'lease_not_held' })
    expect(await vi.waitFor(() => store.acquire(acquireCall(names[1] ?? '', 4)), patience)).toMatchObject({
      kind: 'queued',
    })
  })

  it('one that forgot everything and did not even close a connection is found out by the next look', async () => {
    await holdAndQueueAll()
    await onServer(cluster.primaries[2], (redis) => redis.flushall())
    await vi.waitFor(() => expect(store.guardMs()).toBeGreaterThan(50_000), patience)
    await expect(store.acquire(acquireCall(names[2] ?? '', 3))).rejects.toBeInstanceOf(StoreRecoveringError)
    expect((await store.acquire(acquireCall(names[1] ?? '', 4))).kind).toBe('queued')
  })
})
