import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRedisStore } from '../src/redis/redis-store.js'
import type { RedisStore } from '../src/redis/redis-store.js'
import { InvalidCursorError } from '../src/store.js'
import type { AcquireCall, PageOf } from '../src/store.js'
import { createScriptTable, redisUrl } from './script-table.js'
import type { ScriptTable } from './script-table.js'

async function allPages<Item>(page: (cursor: string | null) => Promise<PageOf<Item>>): Promise<Item[][]> {
  const pages: Item[][] = []
  let cursor: string | null = null
  do {
    const { items, nextCursor }: PageOf<Item> = await page(cursor)
    pages.push([...items])
    cursor = nextCursor
  } while (cursor !== null)
  return pages
}

describe('listings', () => {
  let table: ScriptTable
  let store: RedisStore

  beforeEach(async () => {
    table = createScriptTable()
    store = createRedisStore({ url: redisUrl(), keyPrefix: table.keyPrefix })
    await vi.waitFor(() => store.ping())
  })
  afterEach(async () => {
    await store.close()
    await table.close()
  })

  function acquire(changes: Partial<AcquireCall>): ReturnType<RedisStore['acquire']> {
    const attachment = { replica: 'r1', number: 1 }
    const create = { limit: 1_000, bounded: true, onConflict: 'keep' } as const
    return store.acquire({
      ...{
        semaphore: 's',
        leaseId: randomUUID(),
        permits: 1,
        ttlMs: 60_000,
        enqueue: false,
        attachment,
        holder: '',
        create,
      },
      ...changes,
    })
  }

  describe('of semaphores', () => {
    const names = Array.from({ length: 25 }, (_, i) => `billing:${String(i).padStart(2, '0')}`)
    const list = (prefix: string, pageSize: number) =>
      allPages((cursor) => store.semaphores({ prefix, cursor, pageSize }))

    beforeEach(async () => {
      await Promise.all(names.map((semaphore) => store.configure({ semaphore, limit: 3, bounded: true })))
      await store.configure({ semaphore: 'mail', limit: 1, bounded: true })
    })

    it('gives every name once, and never more than a page', async () => {
      for (const pageSize of [1, 7, 100]) {
        const pages = await list('', pageSize)
        expect(Math.max(...pages.map((page) => page.length))).toBeLessThanOrEqual(pageSize)
        expect(
          pages
            .flat()
            .map(({ name }) => name)
            .sort(),
        ).toEqual([...names, 'mail'])
      }
    })

    it('gives the state of each, by its name alone', async () => {
      await acquire({ semaphore: 'mail', create: null })
      expect((await list('ma', 10)).flat()).toEqual([
        { name: 'mail', limit: 1, bounded: true, used: 1, waiting: 0, oldestWaitMs: 0, grants: 1 },
      ])
      expect((await list('billing:1', 100)).flat()).toHaveLength(10)
      expect((await list('nobody', 100)).flat()).toEqual([])
    })

    it('leaves out what was removed between two pages', async () => {
      const first = await store.semaphores({ prefix: 'billing', cursor: null, pageSize: 20 })
      const rest = names.filter((name) => !first.items.some((item) => item.name === name))
      await store.remove({ semaphore: rest[0] ?? '', force: false })
      const others = await allPages((cursor) =>
        store.semaphores({ prefix: 'billing', cursor: cursor ?? first.nextCursor, pageSize: 20 }),
      )
      expect(
        others
          .flat()
          .map(({ name }) => name)
          .sort(),
      ).toEqual(rest.slice(1))
    })

    it('takes the characters of a glob in the key prefix for what they are', async () => {
      const odd = createRedisStore({ url: redisUrl(), keyPrefix: `${table.keyPrefix}[a]*?\\:` })
      await vi.waitFor(() => odd.ping())
      await odd.configure({ semaphore: 'x', limit: 1, bounded: true })
      const { items } = await odd.semaphores({ prefix: '', cursor: null, pageSize: 10 })
      expect(items.map(({ name }) => name)).toEqual(['x'])
      await odd.close()
    })
  })

  it('of leases: in the order of their deadlines, ids left out', async () => {
    const ttls = [50_000, 10_000, 40_000, 20_000, 30_000]
    await Promise.all(ttls.map((ttlMs) => acquire({ ttlMs, holder: `a b ${ttlMs}`, permits: 2 })))
    const pages = await allPages(async (cursor) => {
      const page = await store.leases({ semaphore: 's', cursor, pageSize: 2 })
      if (page.kind !== 'page') throw new Error(page.kind)
      return page
    })
    expect(pages.map((page) => page.map(({ holder }) => holder))).toEqual([
      ['a b 10000', 'a b 20000'],
      ['a b 30000', 'a b 40000'],
      ['a b 50000'],
    ])
    const [lease] = pages.flat()
    expect(Object.keys(lease ?? {}).sort()).toEqual([
      'deadlineMs',
      'expiresInMs',
      'fence',
      'grantedAtMs',
      'heldMs',
      'holder',
      'permits',
    ])
    expect(lease).toMatchObject({ permits: 2, deadlineMs: (lease?.grantedAtMs ?? 0) + 10_000 })
    expect((lease?.heldMs ?? 0) + (lease?.expiresInMs ?? 0)).toBe(10_000)
    expect(await store.leases({ semaphore: 'none', cursor: null, pageSize: 1 })).toEqual({
      kind: 'semaphore_not_found',
    })
  })

  it('of as many leases as a page may have', async () => {
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => acquire({ attachment: { replica: 'r1', number: i } })))
    const page = await store.leases({ semaphore: 's', cursor: null, pageSize: 1_000 })
    expect(page).toMatchObject({ kind: 'page', nextCursor: null })
    expect(page.kind === 'page' && new Set(page.items.map(({ fence }) => fence)).size).toBe(1_000)
  })

  it('of waiters: in the order of the queue', async () => {
    await acquire({ permits: 1_000 })
    for (const holder of ['one', 'two', 'three']) await acquire({ enqueue: true, holder, permits: 5 })
    const pages = await allPages(async (cursor) => {
      const page = await store.waiters({ semaphore: 's', cursor, pageSize: 2 })
      if (page.kind !== 'page') throw new Error(page.kind)
      return page
    })
    expect(pages.map((page) => page.map(({ position, holder, permits }) => [position, holder, permits]))).toEqual([
      [
        [1, 'one', 5],
        [2, 'two', 5],
      ],
      [[3, 'three', 5]],
    ])
    expect(await store.waiters({ semaphore: 'none', cursor: null, pageSize: 1 })).toEqual({
      kind: 'semaphore_not_found',
    })
  })

  it('revokes by fence, and only that lease', async () => {
    const replies = await Promise.all([1, 2, 3].map(() => acquire({ permits: 3 })))
    const fences = replies.map((reply) => (reply.kind === 'granted' ? reply.lease.fence : 0))
    const revoke = { semaphore: 's', fence: fences[1] ?? 0 }
    expect(await store.revoke(revoke)).toMatchObject({ kind: 'released', permits: 3 })
    expect(await store.revoke(revoke)).toEqual({ kind: 'lease_not_held' })
    expect(await store.revoke({ semaphore: 'none', fence: 1 })).toEqual({ kind: 'lease_not_held' })
    expect(await store.inspect({ semaphore: 's' })).toMatchObject({ state: { used: 6 } })
  })

  it('refuses cursors that it did not make', async () => {
    const foreign = Buffer.from('leases 1 2 3').toString('base64url')
    for (const cursor of ['', 'x', foreign, Buffer.from('waiters 1').toString('base64url')]) {
      await expect(store.leases({ semaphore: 's', cursor, pageSize: 1 })).rejects.toBeInstanceOf(InvalidCursorError)
      await expect(store.semaphores({ prefix: '', cursor, pageSize: 1 })).rejects.toBeInstanceOf(InvalidCursorError)
    }
    await expect(store.waiters({ semaphore: 's', cursor: foreign, pageSize: 1 })).rejects.toBeInstanceOf(
      InvalidCursorError,
    )
  })
})
