import { describe, expect, test } from 'vitest'
import type { Grounds } from '../ground.js'

/** How many are held, and until when. */
export function counting({ fresh }: Grounds): void {
  describe('counts permits', () => {
    test('grants the limit and no more, however many ask at once', async () => {
      const ground = fresh()
      const kinds = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          ground.kindOf({ limit: 3 }, index % 2 === 0 ? ground.one : ground.other),
        ),
      )
      expect(kinds.filter((kind) => kind === 'granted')).toHaveLength(3)
      expect(kinds.filter((kind) => kind === 'permits_unavailable')).toHaveLength(17)
      expect(await ground.state()).toMatchObject({ limit: 3, used: 3, waiting: 0 })
    })

    test('counts permits, not leases', async () => {
      const ground = fresh()
      const two = await ground.hold({ limit: 3, permits: 2 })
      expect(two.permits).toBe(2)
      expect(await ground.kindOf({ permits: 2 })).toBe('permits_unavailable')
      expect(await ground.kindOf({ permits: 1 })).toBe('granted')
      await ground.release(two)
      expect((await ground.state()).used).toBe(1)
    })

    test('refuses at once what can never be granted, and creates nothing for it', async () => {
      const ground = fresh()
      expect(await ground.kindOf({ limit: 2, permits: 3, waitMs: 10_000 })).toBe('permits_exceed_limit')
      expect(await ground.exists()).toBe(false)
      await ground.hold({ limit: 2 })
      expect(await ground.kindOf({ limit: 2, permits: 3, waitMs: 10_000 })).toBe('permits_exceed_limit')
    })

    test('a double release and a foreign one change no count', async () => {
      const ground = fresh()
      const first = await ground.hold({ limit: 2 })
      await ground.hold({ limit: 2 })
      expect(await ground.release(first)).toBe('released')
      expect(await ground.release(first)).toBe('lease_not_held')
      const foreign = { ...first, leaseId: 'ffffffff-ffff-4fff-8fff-ffffffffffff' }
      expect(await ground.release(foreign)).toBe('lease_not_held')
      expect(await ground.state()).toMatchObject({ limit: 2, used: 1 })
    })

    test('a lease is released by its id alone, from anywhere', async () => {
      const ground = fresh()
      const lease = await ground.hold()
      expect(await ground.release(lease, ground.other)).toBe('released')
      expect((await ground.state()).used).toBe(0)
    })

    test('fences grow in the order of grants', async () => {
      const ground = fresh()
      const fences: number[] = []
      for (let round = 0; round < 10; round += 1) {
        const lease = await ground.hold({}, round % 2 === 0 ? ground.one : ground.other)
        fences.push(lease.fence)
        await ground.release(lease)
      }
      expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b))
      expect(Math.max(...fences)).toBeLessThan(2 ** 53)
    })
  })

  describe('ends leases at their deadline', () => {
    test('a short lease ends, the long one beside it counts on', async () => {
      const ground = fresh()
      await ground.hold({ limit: 2 })
      const short = await ground.hold({ limit: 2, ttlMs: 80 })
      expect(short.ttlMs).toBe(80)
      await ground.until({ used: 1 })
      await ground.hold()
      expect(await ground.kindOf()).toBe('permits_unavailable')
    })

    test("another caller's ttl shortens no lease", async () => {
      const ground = fresh()
      await ground.hold()
      const [short] = await Promise.all([ground.queue({ ttlMs: 30, waitMs: 150 })])
      expect((await short.outcome).kind).toBe('acquire_timeout')
      expect(await ground.kindOf({ ttlMs: 30 })).toBe('permits_unavailable')
      expect((await ground.state()).used).toBe(1)
    })

    test('who holds past the deadline has lost it: the next one holds, and the late release credits nothing', async () => {
      const ground = fresh()
      const late = await ground.hold({ ttlMs: 60 })
      await ground.until({ used: 0 })
      const next = await ground.hold()
      expect(next.fence).toBeGreaterThan(late.fence)
      expect(await ground.renew(late)).toBe('lease_not_held')
      expect(await ground.release(late)).toBe('lease_not_held')
      expect((await ground.state()).used).toBe(1)
      expect(await ground.kindOf()).toBe('permits_unavailable')
    })

    test('a renewed lease lives on', async () => {
      const ground = fresh()
      const lease = await ground.hold({ ttlMs: 400 })
      const renewed = await ground.one.renew({ semaphore: ground.name, leaseId: lease.leaseId, ttlMs: 60_000 })
      expect(renewed).toMatchObject({ kind: 'renewed', fence: lease.fence })
      expect(renewed.kind === 'renewed' && renewed.expiresInMs).toBeGreaterThan(50_000)
    })

    test('a renewal with a shorter ttl takes nothing away', async () => {
      const ground = fresh()
      const lease = await ground.hold({ ttlMs: 60_000 })
      const renewed = await ground.one.renew({ semaphore: ground.name, leaseId: lease.leaseId, ttlMs: 1_000 })
      expect(renewed.kind === 'renewed' && renewed.expiresInMs).toBeGreaterThan(50_000)
    })

    test('when all leases are released or over, the whole limit is there at once', async () => {
      const ground = fresh()
      const leases = await Promise.all([1, 2, 3].map(() => ground.hold({ limit: 5 })))
      await ground.hold({ ttlMs: 40 })
      await ground.hold({ ttlMs: 60 })
      for (const lease of leases) await ground.release(lease)
      await ground.until({ used: 0 })
      expect((await ground.hold({ permits: 5 })).permits).toBe(5)
    })
  })
}
