import { describe, expect, test } from 'vitest'
import type { Grounds } from '../ground.js'
import type { Page, PageCall } from '../subject.js'

/** What people are shown. */
export function listing({ fresh, apart }: Grounds): void {
  async function everyPage<Item>(
    read: (cursor: string | null) => Promise<Page<Item> | { kind: 'semaphore_not_found' }>,
  ): Promise<Item[][]> {
    const pages: Item[][] = []
    for (let cursor: string | null = null; ;) {
      const page = await read(cursor)
      if (page.kind !== 'page') throw new Error(page.kind)
      pages.push([...page.items])
      cursor = page.nextCursor
      if (cursor === null) return pages
    }
  }

  describe('lists', () => {
    test('leases in the order of their deadlines, page by page, each once', async () => {
      const ground = fresh()
      const fences: number[] = []
      for (const [index, ttlMs] of [50_000, 20_000, 40_000, 10_000, 30_000].entries()) {
        const lease = await ground.hold({ limit: 6, ttlMs, holder: `holder ${index}`, permits: index === 3 ? 2 : 1 })
        fences.push(lease.fence)
      }
      const pages = await everyPage((cursor) => ground.one.leases({ semaphore: ground.name, cursor, pageSize: 2 }))
      expect(pages.map((page) => page.length)).toEqual([2, 2, 1])
      const items = pages.flat()
      expect(items.map(({ holder }) => holder)).toEqual([3, 1, 4, 2, 0].map((index) => `holder ${index}`))
      expect(items.map(({ fence }) => fence)).toEqual([3, 1, 4, 2, 0].map((index) => fences[index]))
      expect(items.map(({ permits }) => permits)).toEqual([2, 1, 1, 1, 1])
      for (const { heldMs, expiresInMs } of items) {
        expect(heldMs).toBeGreaterThanOrEqual(0)
        expect([10_000, 20_000, 30_000, 40_000, 50_000]).toContain(heldMs + expiresInMs)
      }
    })

    test('waiters in queue order, page by page', async () => {
      const ground = fresh()
      await ground.hold()
      for (const holder of ['a', 'b', 'c']) await ground.queue({ holder })
      const pages = await everyPage((cursor) => ground.one.waiters({ semaphore: ground.name, cursor, pageSize: 2 }))
      const items = pages.flat()
      expect(items.map(({ holder, position }) => [holder, position])).toEqual([
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ])
      for (const { waitedMs } of items) expect(waitedMs).toBeGreaterThanOrEqual(0)
      const { oldestWaitMs } = await ground.state()
      expect(oldestWaitMs).toBeGreaterThanOrEqual(items[0]?.waitedMs ?? 0)
    })

    test('never shows a lease id', async () => {
      const ground = fresh()
      const lease = await ground.hold()
      await ground.queue({ leaseId: '12345678-1234-4234-8234-123456789abc' })
      const call: PageCall = { semaphore: ground.name, cursor: null, pageSize: 1 }
      await ground.resize(2)
      const shown = JSON.stringify([
        await ground.one.leases(call),
        await ground.one.waiters(call),
        await ground.state(),
      ])
      expect(shown).not.toContain(lease.leaseId)
      expect(shown).not.toContain('12345678-1234-4234-8234-123456789abc')
    })

    test('an unknown semaphore is not found', async () => {
      const ground = fresh()
      const call = { semaphore: ground.name, cursor: null, pageSize: 10 }
      expect((await ground.one.leases(call)).kind).toBe('semaphore_not_found')
      expect((await ground.one.waiters(call)).kind).toBe('semaphore_not_found')
      expect((await ground.one.inspect(ground.name)).kind).toBe('semaphore_not_found')
    })

    test('semaphores whose names begin so, every one of them', async () => {
      const place = await apart()
      const names = ['billing:a', 'billing:b', 'billing:c', 'billing', 'reports', 'billing.d']
      for (const name of names) await place.named(name).hold({ limit: 2 })
      const found: string[] = []
      for (let cursor: string | null = null; ;) {
        const page = await place.one.semaphores({ prefix: 'billing:', cursor, pageSize: 2 })
        found.push(...page.items.map(({ name }) => name))
        for (const state of page.items) expect(state).toMatchObject({ limit: 2, used: 1, waiting: 0, bounded: true })
        cursor = page.nextCursor
        if (cursor === null) break
      }
      expect([...new Set(found)].sort()).toEqual(['billing:a', 'billing:b', 'billing:c'])
      const all = await place.one.semaphores({ prefix: '', cursor: null, pageSize: 1_000 })
      expect(new Set(all.items.map(({ name }) => name))).toEqual(new Set(names))
    })

    test('refuses a cursor that it did not give out', async () => {
      const ground = fresh()
      await ground.hold()
      const call = { semaphore: ground.name, cursor: 'nonsense', pageSize: 1 }
      await expect(ground.one.leases(call)).rejects.toThrow()
      await expect(ground.one.waiters(call)).rejects.toThrow()
      await expect(ground.one.semaphores({ prefix: '', cursor: 'nonsense', pageSize: 1 })).rejects.toThrow()
    })
  })
}
