import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type Grounds, leaseFrom } from '../ground.js'

/** The life of a lease id, cell by cell: what an operation does to one that is absent, waiting or held. */
export function leaseIds({ fresh, lacks }: Grounds): void {
  describe('an absent lease id', () => {
    test('cannot be renewed or released, whether or not the semaphore is known', async () => {
      const ground = fresh()
      const call = { semaphore: ground.name, leaseId: randomUUID() }
      expect((await ground.one.renew({ ...call, ttlMs: 1_000 })).kind).toBe('lease_not_held')
      expect((await ground.one.release({ ...call, retire: false })).kind).toBe('lease_not_held')
      await ground.hold()
      expect((await ground.one.renew({ ...call, ttlMs: 1_000 })).kind).toBe('lease_not_held')
      expect((await ground.one.release({ ...call, retire: false })).kind).toBe('lease_not_held')
    })
  })

  describe.skipIf(lacks('lease ids'))('a held lease id', () => {
    test('acquired again is the same lease: same fence, same deadline, no second permit', async () => {
      const ground = fresh()
      const leaseId = randomUUID()
      const first = await ground.hold({ limit: 2, leaseId, ttlMs: 30_000 })
      const again = await ground.hold(
        { limit: 2, leaseId, ttlMs: 90_000, holder: 'another', waitMs: 1_000 },
        ground.other,
      )
      expect(again).toMatchObject({ fence: first.fence, ttlMs: 30_000 })
      expect(again.expiresInMs).toBeLessThanOrEqual(first.expiresInMs)
      expect((await ground.state()).used).toBe(1)
    })

    test('is answered before every other check', async () => {
      const ground = fresh()
      const { leaseId } = await ground.hold({ limit: 1 })
      const other = { ...ground.call({ leaseId }), create: { limit: 9, bounded: false, onConflict: 'error' } as const }
      expect((await ground.one.acquire(other).outcome).kind).toBe('granted')
    })

    test('with other permits is a conflict, and stays what it is', async () => {
      const ground = fresh()
      const { leaseId } = await ground.hold({ limit: 3 })
      expect(await ground.kindOf({ limit: 3, leaseId, permits: 2 })).toBe('lease_id_conflict')
      expect((await ground.state()).used).toBe(1)
    })

    test('is free for a new lease once released', async () => {
      const ground = fresh()
      const first = await ground.hold()
      await ground.release(first)
      const second = await ground.hold({ leaseId: first.leaseId })
      expect(second.fence).toBeGreaterThan(first.fence)
    })

    test('one id names one lease within each semaphore', async () => {
      const [ground, another] = [fresh(), fresh()]
      const leaseId = randomUUID()
      await ground.hold({ leaseId })
      await another.hold({ leaseId })
      await ground.release({ ...(await ground.hold({ leaseId })) })
      expect((await another.state()).used).toBe(1)
    })
  })

  describe.skipIf(lacks('lease ids'))('a waiting lease id', () => {
    test('acquired again keeps its place, and every request that asks gets the lease', async () => {
      const ground = fresh()
      const holder = await ground.hold()
      const leaseId = randomUUID()
      const first = await ground.queue({ leaseId })
      const behind = await ground.queue({})
      const again = ground.other.acquire(ground.call({ leaseId, waitMs: 20_000, ttlMs: 5_000 }))
      await ground.release(holder)
      const [one, other] = await Promise.all([leaseFrom(first), leaseFrom(again)])
      expect(other.fence).toBe(one.fence)
      expect(other.ttlMs).toBe(60_000)
      expect(await ground.state()).toMatchObject({ used: 1, waiting: 1 })
      await ground.release(one)
      expect((await leaseFrom(behind)).fence).toBeGreaterThan(one.fence)
    })

    test('with other permits is a conflict, and keeps waiting', async () => {
      const ground = fresh()
      await ground.hold({ limit: 2, permits: 2 })
      const leaseId = randomUUID()
      await ground.queue({ leaseId, permits: 1 })
      expect(await ground.kindOf({ leaseId, permits: 2, waitMs: 1_000 })).toBe('lease_id_conflict')
      expect((await ground.state()).waiting).toBe(1)
    })

    test('cannot be renewed', async () => {
      const ground = fresh()
      await ground.hold()
      const leaseId = randomUUID()
      await ground.queue({ leaseId })
      const renewed = await ground.one.renew({ semaphore: ground.name, leaseId, ttlMs: 1_000 })
      expect(renewed.kind).toBe('lease_not_held')
      expect((await ground.state()).waiting).toBe(1)
    })

    test('released leaves the queue, is told so wherever it waits, and is refused afterwards', async () => {
      const ground = fresh()
      await ground.hold({ limit: 2 })
      const leaseId = randomUUID()
      const cancelled = await ground.queue({ leaseId, permits: 2 })
      const behind = await ground.queue({})
      const reply = await ground.other.release({ semaphore: ground.name, leaseId, retire: false })
      expect(reply).toMatchObject({ kind: 'cancelled', permits: 2 })
      expect((await cancelled.outcome).kind).toBe('wait_cancelled')
      expect((await behind.outcome).kind).toBe('granted')
      expect(await ground.kindOf({ leaseId, permits: 2, waitMs: 1_000 })).toBe('wait_cancelled')
    })

    test('acquired again without waiting leaves the queue', async () => {
      const ground = fresh()
      await ground.hold()
      const leaseId = randomUUID()
      const waiter = await ground.queue({ leaseId })
      expect(await ground.kindOf({ leaseId }, ground.other)).toBe('permits_unavailable')
      expect((await waiter.outcome).kind).toBe('wait_cancelled')
      expect((await ground.state()).waiting).toBe(0)
      // It was not retired: the next try is a new one.
      await ground.queue({ leaseId })
    })
  })

  describe.skipIf(lacks('lease ids'))('a retired lease id', () => {
    test('released with retire is refused from then on, though nothing was held', async () => {
      const ground = fresh()
      const leaseId = randomUUID()
      const call = { semaphore: ground.name, leaseId, retire: true }
      expect((await ground.one.release(call)).kind).toBe('lease_not_held')
      expect(await ground.kindOf({ leaseId })).toBe('wait_cancelled')
      expect(await ground.exists()).toBe(false)
    })

    test('a held one too, after its permits came back; other ids are not concerned', async () => {
      const ground = fresh()
      const { leaseId } = await ground.hold()
      expect((await ground.one.release({ semaphore: ground.name, leaseId, retire: true })).kind).toBe('released')
      expect(await ground.kindOf({ leaseId }, ground.other)).toBe('wait_cancelled')
      expect(await ground.kindOf()).toBe('granted')
    })
  })
}
