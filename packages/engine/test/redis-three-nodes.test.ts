import { randomUUID } from 'node:crypto'
import { startCluster, startTestRedis } from '@signalbox/test-redis'
import type { TestCluster } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRedisStore } from '../src/redis/redis-store.js'
import type { RedisStore } from '../src/redis/redis-store.js'
import { InvalidCursorError, StoreUnavailableError } from '../src/store.js'
import type { AcquireCall, Notice } from '../src/store.js'

const patience = { timeout: 15_000, interval: 20 }
const names = Array.from({ length: 30 }, (_, index) => `s${index}`)

function acquireCall(semaphore: string, leaseId: string = randomUUID(), number = 1): AcquireCall {
  const create = { limit: 1, bounded: true, onConflict: 'keep' } as const
  const request = { permits: 1, ttlMs: 60_000, enqueue: true, holder: '', create }
  return { ...request, semaphore, leaseId, attachment: { replica: 'r1', number } }
}

describe('in a cluster of three nodes', { timeout: 60_000 }, () => {
  let cluster: TestCluster
  let admins: Redis[]
  let store: RedisStore
  let other: RedisStore

  beforeAll(async () => {
    cluster = await startCluster()
    admins = cluster.primaries.map(({ url }) => new Redis(url))
  }, 60_000)
  afterAll(async () => {
    for (const admin of admins) admin.disconnect()
    await cluster.stop()
  })
  beforeEach(async () => {
    await Promise.all(admins.map((admin) => admin.flushall()))
    store = createRedisStore({ url: cluster.url })
    other = createRedisStore({ url: cluster.url })
    for (const each of [store, other]) await vi.waitFor(() => each.ping(), patience)
  })
  afterEach(async () => {
    await Promise.all([store.close(), other.close()])
  })

  const keysOf = (admin: Redis | undefined): Promise<string[]> => admin?.keys('*:state') ?? Promise.resolve([])

  async function list(pageSize: number): Promise<{ names: string[]; pages: number }> {
    const found: string[] = []
    let cursor: string | null = null
    let pages = 0
    do {
      const page: Awaited<ReturnType<RedisStore['semaphores']>> = await store.semaphores({
        prefix: 's',
        cursor,
        pageSize,
      })
      found.push(...page.items.map(({ name }) => name))
      cursor = page.nextCursor
      pages += 1
    } while (cursor !== null)
    return { names: found, pages }
  }

  it('semaphores are spread over all of them, and listed from all of them, each once', async () => {
    for (const name of names) await store.configure({ semaphore: name, limit: 1, bounded: null })
    for (const admin of admins) expect((await keysOf(admin)).length).toBeGreaterThan(0)
    for (const pageSize of [1, 7, 100]) {
      const { names: found, pages } = await list(pageSize)
      expect(found.toSorted()).toEqual(names.toSorted())
      expect(pages).toBeGreaterThanOrEqual(Math.ceil(names.length / pageSize))
    }
  })

  it('a cursor that nobody gave is refused', async () => {
    for (const text of ['semaphores 1-2-3', 'semaphores 0-aaaaaaaa-x', 'semaphores 7', 'leases 0']) {
      const cursor = Buffer.from(text).toString('base64url')
      await expect(store.semaphores({ prefix: '', cursor, pageSize: 1 })).rejects.toBeInstanceOf(InvalidCursorError)
    }
    const unknownNode = Buffer.from('semaphores 5-aaaaaaaa-12').toString('base64url')
    expect(await store.semaphores({ prefix: '', cursor: unknownNode, pageSize: 1 })).toMatchObject({ items: [] })
  })

  it('a grant made at one node is heard at another', async () => {
    const heard: Notice[] = []
    await store.listen('r1', (notice) => heard.push(notice))
    for (const name of names) {
      const held = acquireCall(name)
      await store.acquire(held)
      await store.acquire(acquireCall(name, undefined, 2))
      await other.release({ ...held, retire: false })
    }
    await vi.waitFor(() => {
      const granted = heard.flatMap((notice) => (notice.kind === 'granted' ? [notice.semaphore] : []))
      expect(granted.toSorted()).toEqual(names.toSorted())
    }, patience)
  })

  it('the listener finds another node when its own hangs up', async () => {
    const heard: string[] = []
    await store.listen('r1', ({ kind }) => heard.push(kind))
    const listeners = await Promise.all(admins.map((admin) => admin.client('LIST', 'TYPE', 'PUBSUB')))
    const at = listeners.findIndex((list) => String(list).includes('name=signalbox-listener'))
    await admins[at]?.client('KILL', 'TYPE', 'PUBSUB')
    await vi.waitFor(() => expect(heard).toEqual(['gap']), patience)
    const after = await Promise.all(admins.map((admin) => admin.client('LIST', 'TYPE', 'PUBSUB')))
    expect(after.findIndex((list) => String(list).includes('name=signalbox-listener'))).not.toBe(at)
  })

  it('says what it is, and what is wrong with each', async () => {
    expect(await store.ping()).toMatch(/^(redis|valkey) \S+ at (\S+:\d+, ){2}\S+:\d+ \(a cluster\)$/)
    await admins[1]?.config('SET', 'maxmemory-policy', 'allkeys-lru')
    const evicting = (await store.warnings()).filter(({ kind }) => kind === 'eviction')
    await admins[1]?.config('SET', 'maxmemory-policy', 'noeviction')
    const address = `${cluster.primaries[1]?.host}:${cluster.primaries[1]?.port}`
    expect(evicting.map(({ text }) => text)).toEqual([
      expect.stringContaining(`${address}: maxmemory-policy is allkeys-lru`),
    ])
  })

  it('one of them, taken for a lone server, is warned of, and what it does not serve is unavailable', async () => {
    const lone = createRedisStore({ url: cluster.primaries[0]?.url })
    try {
      await vi.waitFor(() => lone.ping(), patience)
      expect(await lone.warnings()).toContainEqual(expect.objectContaining({ kind: 'cluster_node' }))
      const calls = await Promise.allSettled(names.map((name) => lone.inspect({ semaphore: name })))
      const failures = calls.flatMap((call) => (call.status === 'rejected' ? [call.reason as unknown] : []))
      expect(failures.length).toBeGreaterThan(0)
      for (const failure of failures) expect(failure).toBeInstanceOf(StoreUnavailableError)
    } finally {
      await lone.close()
    }
  })

  it('a server that is no cluster, taken for one, is unavailable and says why', async () => {
    const lone = await startTestRedis({ ownServer: true, say: () => undefined })
    const wrong = createRedisStore({ url: lone.url.replace('redis:', 'redis-cluster:') })
    try {
      await vi.waitFor(() => expect(wrong.ping()).rejects.toThrow(/cluster support disabled/), patience)
    } finally {
      await wrong.close()
      await lone.stop()
    }
  })

  it('a call whose connection was lost is not sent again: it may have run', async () => {
    const text = `#!lua
      redis.call('INCR', KEYS[1])
      for _ = 1, 1e8 do end
      return {'semaphore_not_found', 0}`
    const texts = { inspect: { text, sha1: 'f'.repeat(40) } }
    const hasty = createRedisStore({ url: cluster.url, commandTimeoutMs: 100, texts })
    try {
      await vi.waitFor(() => hasty.ping(), patience)
      await expect(hasty.inspect({ semaphore: 'once' })).rejects.toBeInstanceOf(StoreUnavailableError)
      // Its connection is given up after twice the time of a command; ioredis would send it again, if it did, 100 ms later.
      await new Promise((resolve) => setTimeout(resolve, 1_500))
      const counts = await Promise.all(admins.map((admin) => admin.get('signalbox:{once}:state').catch(() => null)))
      expect(counts).toContain('1')
    } finally {
      await hasty.close()
    }
  })

  /** Moves a slot with its keys; `halfway` is called when about half of them have moved. */
  async function moveSlot(semaphore: string, halfway: () => Promise<void>): Promise<void> {
    const slot = (await admins[0]?.cluster('KEYSLOT', semaphore)) ?? 0
    const from = Math.floor((slot * 3) / 16_384)
    const to = (from + 1) % 3
    const [source, target] = [cluster.primaries[from], cluster.primaries[to]]
    const [atSource, atTarget] = [admins[from], admins[to]]
    if (source === undefined || target === undefined || atSource === undefined || atTarget === undefined)
      throw new Error('There are three of each.')
    await atTarget.cluster('SETSLOT', slot, 'IMPORTING', source.id)
    await atSource.cluster('SETSLOT', slot, 'MIGRATING', target.id)
    const move = async (keys: string[]): Promise<void> => {
      if (keys.length > 0) await atSource.migrate(target.host, target.port, '', 0, 5_000, 'KEYS', ...keys)
    }
    const keys = (await atSource.keys(`*{${semaphore}}*`)).sort()
    await move(keys.slice(0, Math.ceil(keys.length / 2)))
    await halfway()
    for (let rest = await atSource.keys(`*{${semaphore}}*`); rest.length > 0;) {
      await move(rest)
      rest = await atSource.keys(`*{${semaphore}}*`)
    }
    for (const admin of [atTarget, atSource]) await admin.cluster('SETSLOT', slot, 'NODE', target.id)
  }

  it('a semaphore whose keys are on their way is unavailable, never wrong, and then goes on where it was', async () => {
    const [held, queued] = [acquireCall('moving'), acquireCall('moving', undefined, 2)]
    const first = await store.acquire(held)
    await store.acquire(queued)
    const answers: unknown[] = []
    const moving = new AbortController()
    const traffic = (async (): Promise<void> => {
      while (!moving.signal.aborted) {
        const call = { ...acquireCall('moving'), enqueue: false }
        answers.push(await other.acquire(call).catch((error: unknown) => error))
      }
    })()
    try {
      await moveSlot('moving', async () => {
        await expect(store.acquire(held)).rejects.toBeInstanceOf(StoreUnavailableError)
        await expect(store.inspect({ semaphore: 'moving' })).rejects.toBeInstanceOf(StoreUnavailableError)
      })
    } finally {
      moving.abort()
      await traffic
    }
    expect(answers.length).toBeGreaterThan(0)
    for (const answer of answers) {
      if (!(answer instanceof StoreUnavailableError))
        expect(answer).toMatchObject({ kind: 'busy', used: 1, waiting: 1 })
    }
    // Its new node is looked at before it is trusted, which nobody notices.
    expect(await store.acquire(held)).toMatchObject({
      lease: { fence: first.kind === 'granted' ? first.lease.fence : 0 },
    })
    expect(await vi.waitFor(() => other.inspect({ semaphore: 'moving' }), patience)).toMatchObject({
      state: { used: 1, waiting: 1 },
    })
    expect(await other.release({ ...held, retire: false })).toMatchObject({ kind: 'released' })
    expect(await store.acquire(queued)).toMatchObject({ kind: 'granted' })
  })

  it('a slot that moves quickly is waited for', async () => {
    const held = acquireCall('quick')
    await store.acquire(held)
    let asked: Promise<unknown> = Promise.resolve()
    await moveSlot('quick', async () => {
      asked = store.renew({ ...held, ttlMs: 70_000 })
    })
    expect(await asked).toMatchObject({ kind: 'renewed' })
  })
})
