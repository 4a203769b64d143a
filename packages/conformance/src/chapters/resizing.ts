import { describe, expect, test } from 'vitest'
import { type Ground, type Grounds } from '../ground.js'
import type { Opened } from '../subject.js'

/** The limit changes at run time. */
export function resizing({ fresh }: Grounds): void {
  const queueMany = async (ground: Ground, count: number): Promise<Opened[]> => {
    const waiters: Opened[] = []
    for (let index = 0; index < count; index += 1) waiters.push(await ground.queue())
    return waiters
  }

  describe('a resize', () => {
    test('defines what is not there', async () => {
      const ground = fresh()
      expect(await ground.resize(3)).toBe('created')
      expect(await ground.state()).toMatchObject({ limit: 3, bounded: true, used: 0 })
      expect(await ground.resize(4)).toBe('configured')
      expect(await ground.state()).toMatchObject({ limit: 4, bounded: true })
    })

    test('keeps the kind unless told another', async () => {
      const ground = fresh()
      await ground.one.configure({ semaphore: ground.name, limit: 1, bounded: false })
      await ground.resize(2)
      expect(await ground.state()).toMatchObject({ limit: 2, bounded: false })
      await ground.one.configure({ semaphore: ground.name, limit: 2, bounded: true })
      expect((await ground.state()).bounded).toBe(true)
    })

    test('to less than is held revokes nothing; no grant is made until use is below it', async () => {
      const ground = fresh()
      const leases = await Promise.all(Array.from({ length: 10 }, () => ground.hold({ limit: 10 })))
      await ground.resize(2)
      expect(await ground.state()).toMatchObject({ limit: 2, used: 10 })
      const waiters = await queueMany(ground, 5)
      for (const lease of leases.slice(0, 8)) expect(await ground.release(lease)).toBe('released')
      expect(await ground.state()).toMatchObject({ used: 2, waiting: 5 })
      await ground.resize(5)
      for (const waiter of waiters.slice(0, 3)) expect((await waiter.outcome).kind).toBe('granted')
      expect(await ground.state()).toMatchObject({ limit: 5, used: 5, waiting: 2 })
      for (const lease of leases.slice(8)) expect(await ground.renew(lease)).toBe('renewed')
    })

    test('refuses waiters that ask for more than there will be; others move up', async () => {
      const ground = fresh()
      await ground.hold({ limit: 3, permits: 1 })
      const big = await ground.queue({ permits: 3 })
      const small = await ground.queue({}, ground.other)
      await ground.resize(2)
      expect((await big.outcome).kind).toBe('permits_exceed_limit')
      expect((await small.outcome).kind).toBe('granted')
      expect(await ground.state()).toMatchObject({ limit: 2, used: 2, waiting: 0 })
    })

    test('to 0 pauses: one permit goes on waiting, and is granted afterwards', async () => {
      const ground = fresh()
      const held = await ground.hold()
      const waiter = await ground.queue()
      await ground.resize(0)
      await ground.release(held)
      expect(await ground.state()).toMatchObject({ limit: 0, used: 0, waiting: 1 })
      expect(await ground.kindOf()).toBe('permits_unavailable')
      await ground.resize(1)
      expect((await waiter.outcome).kind).toBe('granted')
    })
  })
}
