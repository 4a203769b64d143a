import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Grounds } from '../ground.js'

/** The counting semaphore's release without a lease. */
export function growing({ fresh, apart }: Grounds): void {
  describe('growth', () => {
    test('raises the limit of a counting semaphore, and wakes the queue', async () => {
      const ground = fresh()
      await ground.one.configure({ semaphore: ground.name, limit: 0, bounded: false })
      const create = { limit: 0, bounded: false, onConflict: 'error' } as const
      const waiter = ground.one.acquire({ ...ground.call({ waitMs: 20_000 }), create })
      await ground.until({ waiting: 1 })
      const grown = await ground.one.addPermits({ semaphore: ground.name, permits: 1, requestId: randomUUID() })
      expect(grown.kind).toBe('state')
      // Neither the limit at creation nor the one in force is "another": growth makes no conflict.
      expect((await waiter.outcome).kind).toBe('granted')
      expect(await ground.state()).toMatchObject({ limit: 1, used: 1, bounded: false })
    })

    test('happens once per request id', async () => {
      const ground = fresh()
      await ground.one.configure({ semaphore: ground.name, limit: 1, bounded: false })
      const call = { semaphore: ground.name, permits: 2, requestId: randomUUID() }
      expect((await ground.one.addPermits(call)).kind).toBe('state')
      expect((await ground.other.addPermits(call)).kind).toBe('state')
      expect((await ground.state()).limit).toBe(3)
      await ground.one.addPermits({ ...call, requestId: randomUUID() })
      expect((await ground.state()).limit).toBe(5)
    })

    test('is refused by a bounded semaphore, an unknown one, and beyond the largest limit', async () => {
      const ground = await apart({ limitMax: 4 })
      const grow = async (permits: number): Promise<string> => {
        return (await ground.one.addPermits({ semaphore: ground.name, permits, requestId: randomUUID() })).kind
      }
      expect(await grow(1)).toBe('semaphore_not_found')
      await ground.hold({ limit: 1 })
      expect(await grow(1)).toBe('released_too_many_times')
      await ground.one.configure({ semaphore: ground.name, limit: 1, bounded: false })
      expect(await grow(4)).toBe('limit_too_large')
      expect((await ground.state()).limit).toBe(1)
      expect(await grow(3)).toBe('state')
    })
  })
}
