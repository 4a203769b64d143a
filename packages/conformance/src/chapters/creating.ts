import { describe, expect, test } from 'vitest'
import type { Ground, Grounds } from '../ground.js'
import type { AcquireOutcome } from '../subject.js'

/** What a first use creates, and what later users with other ideas get. */
export function creating({ fresh, lacks }: Grounds): void {
  const acquireAs = (
    ground: Ground,
    create: { limit: number; bounded?: boolean; onConflict?: 'keep' | 'error' } | null,
  ): Promise<AcquireOutcome> => {
    const full = create === null ? null : { bounded: true, onConflict: 'keep' as const, ...create }
    return ground.one.acquire({ ...ground.call({ permits: 1 }), create: full }).outcome
  }

  describe('creates', () => {
    test('the first to use a name creates it with its limit; inspection creates nothing', async () => {
      const ground = fresh()
      expect(await ground.exists()).toBe(false)
      await ground.hold({ limit: 4 })
      expect(await ground.state()).toMatchObject({ limit: 4, bounded: true, used: 1 })
    })

    test.skipIf(lacks('acquire without create'))('without create an unknown name is not found', async () => {
      const ground = fresh()
      expect((await acquireAs(ground, null)).kind).toBe('semaphore_not_found')
      expect(await ground.exists()).toBe(false)
    })

    test('a later user with another limit uses what is there', async () => {
      const ground = fresh()
      await ground.hold({ limit: 2 })
      expect((await acquireAs(ground, { limit: 7 })).kind).toBe('granted')
      expect((await acquireAs(ground, { limit: 7 })).kind).toBe('permits_unavailable')
      expect((await ground.state()).limit).toBe(2)
    })

    test.skipIf(lacks('limit mismatch'))('and is told the limit in force', async () => {
      const ground = fresh()
      await ground.hold({ limit: 3 })
      expect((await ground.hold({ limit: 7 })).limitMismatch).toBe(3)
      expect((await ground.hold({ limit: 3 })).limitMismatch).toBe(null)
    })

    test('onConflict error refuses another limit, but neither the one at creation nor the one in force', async () => {
      const ground = fresh()
      await ground.hold({ limit: 2 })
      await ground.resize(5)
      expect((await acquireAs(ground, { limit: 3, onConflict: 'error' })).kind).toBe('limit_conflict')
      expect((await acquireAs(ground, { limit: 2, onConflict: 'error' })).kind).toBe('granted')
      expect((await acquireAs(ground, { limit: 5, onConflict: 'error' })).kind).toBe('granted')
      expect(await ground.state()).toMatchObject({ limit: 5, used: 3 })
    })

    test('another kind is a conflict whatever onConflict says', async () => {
      const ground = fresh()
      await ground.hold({ limit: 2 })
      expect((await acquireAs(ground, { limit: 2, bounded: false })).kind).toBe('limit_conflict')
      const counting = fresh()
      expect((await acquireAs(counting, { limit: 2, bounded: false })).kind).toBe('granted')
      expect((await acquireAs(counting, { limit: 2, bounded: true })).kind).toBe('limit_conflict')
      expect(await counting.state()).toMatchObject({ bounded: false, used: 1 })
    })
  })

  describe('limit 0', () => {
    test('starts locked: busy, or waits; more than one permit is too many', async () => {
      const ground = fresh()
      expect(await ground.kindOf({ limit: 0 })).toBe('permits_unavailable')
      const waiter = await ground.queue({ limit: 0 })
      expect(await ground.kindOf({ limit: 0, permits: 2, waitMs: 1_000 })).toBe('permits_exceed_limit')
      await ground.resize(1)
      expect((await waiter.outcome).kind).toBe('granted')
    })
  })
}
