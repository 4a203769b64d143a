import { describe, expect, test } from 'vitest'
import { type Grounds, leaseFrom } from '../ground.js'

/** What operators do to semaphores in use. */
export function operating({ fresh, lacks }: Grounds): void {
  describe('removal', () => {
    test('of what is not there says so', async () => {
      const ground = fresh()
      expect((await ground.one.remove({ semaphore: ground.name, force: false })).kind).toBe('semaphore_not_found')
    })

    test('needs force while leases are held, and makes them void', async () => {
      const ground = fresh()
      const lease = await ground.hold()
      expect((await ground.one.remove({ semaphore: ground.name, force: false })).kind).toBe('in_use')
      expect(await ground.renew(lease)).toBe('renewed')
      expect((await ground.one.remove({ semaphore: ground.name, force: true })).kind).toBe('removed')
      expect(await ground.exists()).toBe(false)
      expect(await ground.renew(lease)).toBe('lease_not_held')
      expect(await ground.release(lease)).toBe('lease_not_held')
    })

    test('does not let fences fall', async () => {
      const ground = fresh()
      const before = await ground.hold()
      await ground.one.remove({ semaphore: ground.name, force: true })
      expect((await ground.hold()).fence).toBeGreaterThan(before.fence)
    })

    test('tells its waiters, wherever they wait, that it is gone', async () => {
      const ground = fresh()
      await ground.hold()
      const waiters = [await ground.queue(), await ground.queue({}, ground.other)]
      await ground.one.remove({ semaphore: ground.name, force: true })
      for (const waiter of waiters) expect((await waiter.outcome).kind).toBe('semaphore_not_found')
      expect(await ground.exists()).toBe(false)
    })
  })

  describe('a lease taken back by its fence', () => {
    test('is gone for its holder, and its permits go to the queue', async () => {
      const ground = fresh()
      const lease = await ground.hold()
      const waiter = await ground.queue({}, ground.other)
      const revoke = { semaphore: ground.name, fence: lease.fence }
      expect(await ground.one.revoke(revoke)).toMatchObject({ kind: 'released', permits: 1 })
      const next = await leaseFrom(waiter)
      expect(await ground.renew(lease)).toBe('lease_not_held')
      expect((await ground.one.revoke(revoke)).kind).toBe('lease_not_held')
      expect(await ground.renew(next)).toBe('renewed')
    })

    test('of an unknown semaphore is not held', async () => {
      const ground = fresh()
      expect((await ground.one.revoke({ semaphore: ground.name, fence: 1 })).kind).toBe('lease_not_held')
    })

    test.skipIf(lacks('lease ids'))('is not retired: its id may acquire anew', async () => {
      const ground = fresh()
      const lease = await ground.hold()
      await ground.one.revoke({ semaphore: ground.name, fence: lease.fence })
      expect((await ground.hold({ leaseId: lease.leaseId })).fence).toBeGreaterThan(lease.fence)
    })
  })
}
