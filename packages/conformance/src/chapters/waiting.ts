import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type Grounds, leaseFrom } from '../ground.js'

/** How a wait ends. */
export function waiting({ fresh, apart, lacks }: Grounds): void {
  describe('a wait', () => {
    test('ends with the grant, and the lease has its whole ttl from there', async () => {
      const ground = fresh()
      const held = await ground.hold()
      const askedAtMs = performance.now()
      const waiter = await ground.queue({ ttlMs: 20_000 })
      await ground.release(held)
      const lease = await leaseFrom(waiter)
      expect(lease.waitedMs).toBeGreaterThanOrEqual(0)
      expect(lease.waitedMs).toBeLessThanOrEqual(performance.now() - askedAtMs)
      // What an SDK makes of the reply shrinks from there; what a service says is the whole.
      expect(lease.expiresInMs).toBeGreaterThan(19_000)
      expect(lease.expiresInMs).toBeLessThanOrEqual(20_000)
    })

    test('ends when a lease before it runs out, without anybody calling', async () => {
      const ground = fresh()
      const held = await ground.hold({ ttlMs: 150 })
      const waiter = await ground.queue({}, ground.other)
      const lease = await leaseFrom(waiter)
      expect(lease.fence).toBeGreaterThan(held.fence)
    })

    test('ends in vain after waitMs, told apart from busy; those behind move up', async () => {
      const ground = fresh()
      await ground.hold({ limit: 2 })
      const impatient = await ground.queue({ permits: 2, waitMs: 120 })
      const behind = await ground.queue()
      expect((await impatient.outcome).kind).toBe('acquire_timeout')
      expect((await behind.outcome).kind).toBe('granted')
      expect(await ground.kindOf()).toBe('permits_unavailable')
    })

    test('of many callers ends for each of them, once per permit', async () => {
      const ground = fresh()
      const waiters = Array.from({ length: 40 }, (_, index) => {
        const by = index % 2 === 0 ? ground.one : ground.other
        return by.acquire(ground.call({ limit: 2, waitMs: 20_000 }))
      })
      const fences = await Promise.all(
        waiters.map(async (waiter) => {
          const lease = await leaseFrom(waiter)
          expect((await ground.state()).used).toBeLessThanOrEqual(2)
          expect(await ground.release(lease)).toBe('released')
          return lease.fence
        }),
      )
      expect(new Set(fences).size).toBe(40)
      expect(await ground.state()).toMatchObject({ used: 0, waiting: 0 })
    })
  })

  describe.skipIf(lacks('still waiting'))('a wait longer than the cap', () => {
    test('is told its position and keeps its place for whoever comes back', async () => {
      const ground = await apart({ capMs: 80 })
      const held = await ground.hold()
      const leaseId = randomUUID()
      const first = await ground.queue({ leaseId })
      expect(await first.outcome).toEqual({ kind: 'still_waiting', position: 1 })
      const behind = await ground.try({ waitMs: 5_000 }, ground.other)
      expect(behind).toEqual({ kind: 'still_waiting', position: 2 })
      const again = ground.other.acquire(ground.call({ leaseId, waitMs: 5_000 }))
      await ground.release(held)
      expect((await again.outcome).kind).toBe('granted')
      expect(await ground.state()).toMatchObject({ used: 1, waiting: 1 })
    })

    test('is over when nobody came back within the grace', async () => {
      const ground = await apart({ capMs: 60, graceMs: 200, heartbeatMs: 50 })
      await ground.hold()
      const left = await ground.queue()
      expect((await left.outcome).kind).toBe('still_waiting')
      await ground.until({ waiting: 0 })
    })

    test('granted meanwhile to nobody, the permits come back when the grace is over', async () => {
      const ground = await apart({ capMs: 60, graceMs: 200, heartbeatMs: 50 })
      const held = await ground.hold()
      const left = await ground.queue()
      expect((await left.outcome).kind).toBe('still_waiting')
      await ground.release(held)
      await ground.until({ used: 0, waiting: 0 })
    })
  })
}
