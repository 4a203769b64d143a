import { describe, expect, test } from 'vitest'
import { eventually, type Grounds } from '../ground.js'

/** What is left when it is over: nothing. */
export function residue({ apart, lacks }: Grounds): void {
  describe('leaves nothing behind', () => {
    test('of a semaphore that nobody configured and nobody uses any more', async () => {
      const ground = await apart({ idleMs: 150 })
      const held = await ground.hold()
      const waiter = await ground.queue({ waitMs: 50 })
      expect((await waiter.outcome).kind).toBe('acquire_timeout')
      await ground.release(held)
      await eventually(() => ground.exists(), false)
      if (!lacks('residue')) expect(await ground.residue()).toBe(0)
    })

    test('but not before its last deadline', async () => {
      const ground = await apart({ idleMs: 60 })
      const askedAtMs = performance.now()
      const lease = await ground.hold({ ttlMs: 400 })
      expect(lease.ttlMs).toBe(400)
      await eventually(() => ground.exists(), false)
      expect(performance.now() - askedAtMs).toBeGreaterThan(400)
    })

    test('a configured semaphore stays', async () => {
      const [ground, idle] = await Promise.all([apart({ idleMs: 40 }), apart({ idleMs: 40 })])
      await ground.resize(2)
      await ground.release(await ground.hold())
      await idle.release(await idle.hold())
      await eventually(() => idle.exists(), false)
      expect(await ground.state()).toMatchObject({ limit: 2, used: 0 })
    })

    test.skipIf(lacks('residue'))('of leases and waiters that are over', async () => {
      const ground = await apart()
      await ground.resize(1)
      const bare = await ground.residue()
      const held = await ground.hold()
      const waiter = await ground.queue()
      const impatient = await ground.queue({ waitMs: 20 })
      await impatient.outcome
      waiter.close()
      await ground.until({ waiting: 0 })
      await ground.release(held)
      await ground.hold({ ttlMs: 20 })
      await ground.until({ used: 0 })
      expect(await ground.residue()).toBe(bare)
      await ground.one.remove({ semaphore: ground.name, force: false })
      expect(await ground.residue()).toBe(0)
    })
  })
}
