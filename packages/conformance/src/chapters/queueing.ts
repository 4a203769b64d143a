import { describe, expect, test } from 'vitest'
import { type Ground, type Grounds, leaseFrom } from '../ground.js'
import type { Opened, Subject } from '../subject.js'

/** Who is next. */
export function queueing({ fresh, apart }: Grounds): void {
  const queueMany = async (ground: Ground, count: number): Promise<Opened[]> => {
    const waiters: Opened[] = []
    const turns: readonly Subject[] = [ground.one, ground.other]
    for (let index = 0; index < count; index += 1) waiters.push(await ground.queue({}, turns[index % 2]))
    return waiters
  }

  describe('first come, first served', () => {
    test('30 waiters of two replicas are granted in the order of their arrival', async () => {
      const ground = fresh()
      let held = await ground.hold()
      const fences = [held.fence]
      for (const waiter of await queueMany(ground, 30)) {
        await ground.release(held)
        held = await leaseFrom(waiter)
        fences.push(held.fence)
      }
      expect(fences).toEqual([...fences].sort((a, b) => a - b))
      expect(await ground.state()).toMatchObject({ used: 1, waiting: 0 })
    })

    test('k permits coming back wake the first k', async () => {
      const ground = fresh()
      const held = await ground.hold({ limit: 3, permits: 3 })
      const [first, second, third, fourth] = await queueMany(ground, 4)
      await ground.release(held)
      for (const waiter of [first, second, third]) expect((await waiter?.outcome)?.kind).toBe('granted')
      expect(await ground.state()).toMatchObject({ used: 3, waiting: 1 })
      fourth?.close()
    })

    test('a newcomer does not overtake the queue, not even with a free permit', async () => {
      const ground = fresh()
      await ground.hold({ limit: 3, permits: 2 })
      const big = await ground.queue({ permits: 2 })
      expect(await ground.kindOf()).toBe('permits_unavailable')
      const small = await ground.queue()
      expect(await ground.state()).toMatchObject({ used: 2, waiting: 2 })
      big.close()
      expect((await small.outcome).kind).toBe('granted')
    })

    test('all permits for one are had against an endless stream of single ones', async () => {
      const ground = fresh()
      const held = await Promise.all([ground.hold({ limit: 3 }), ground.hold({ limit: 3 }), ground.hold({ limit: 3 })])
      const ahead = await ground.queue()
      const big = await ground.queue({ permits: 3 })
      const stream = await queueMany(ground, 5)
      for (const lease of held) await ground.release(lease)
      const first = await leaseFrom(ahead)
      expect(await ground.state()).toMatchObject({ used: 1, waiting: 6 })
      await ground.release(first)
      const all = await leaseFrom(big)
      expect(all.fence).toBeGreaterThan(first.fence)
      await ground.release(all)
      for (const waiter of stream) await ground.release(await leaseFrom(waiter))
      await ground.until({ used: 0, waiting: 0 })
    })

    test('a queue that is full refuses, and says so', async () => {
      const ground = await apart({ queueMax: 2 })
      await ground.hold()
      await queueMany(ground, 2)
      expect(await ground.kindOf({ waitMs: 5_000 })).toBe('queue_full')
      expect(await ground.kindOf({ waitMs: 0 })).toBe('permits_unavailable')
      expect((await ground.state()).waiting).toBe(2)
    })
  })
}
