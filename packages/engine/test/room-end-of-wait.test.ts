import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Fate, Operation } from './room/faulty-store.js'
import { settled } from './room/virtual-clock.js'
import { createWorld, request, type TestReplica, watch, type Watched, type World } from './room/world.js'

describe('the end of a wait', () => {
  let world: World
  let replica: TestReplica

  beforeEach(async () => {
    world = createWorld()
    replica = world.replica()
    await world.hold('other')
  })
  afterEach(async () => {
    await world.close()
  })

  function only(operation: Operation, fate: Fate): void {
    replica.network.fateOf = (asked) => (asked === operation ? fate : {})
  }

  async function wait(leaseId: string, waitMs: number, asked: Parameters<typeof request>[1] = {}): Promise<Watched> {
    const waiter = watch(replica.engine.acquire(request(leaseId, { waitMs, ...asked })))
    await settled()
    return waiter
  }

  describe('waitMs over', () => {
    it('is acquire_timeout, exactly then, and the waiter is gone', async () => {
      const waiter = await wait('a', 5_000)
      await world.clock.advance(4_999)
      expect(waiter.kind).toBeUndefined()
      await world.clock.advance(1)
      expect(waiter.outcome).toEqual({ kind: 'acquire_timeout' })
      expect(await world.inspect()).toMatchObject({ waiting: 0 })
      expect(world.clock.timers).toBe(0)
    })

    it('counts from the arrival of the request, not from the reply', async () => {
      only('acquire', { thereMs: 2_000, backMs: 2_000 })
      const waiter = await wait('a', 5_000)
      await world.clock.advance(5_000)
      expect(waiter.kind).toBe('acquire_timeout')
    })

    it('over before the reply that queued comes: over as soon as it does', async () => {
      only('acquire', { backMs: 6_000 })
      const waiter = await wait('a', 5_000)
      await world.clock.advance(6_000)
      expect(waiter.kind).toBe('acquire_timeout')
      expect(await world.inspect()).toMatchObject({ waiting: 0 })
    })

    it('gives way to a grant whose notice is lost', async () => {
      replica.network.waysOf = () => []
      const waiter = await wait('a', 2_000)
      await world.clock.advance(1_000)
      await world.release('other')
      await world.clock.advance(1_000)
      expect(waiter.outcome).toMatchObject({ kind: 'granted', lease: { waitedMs: 999, expiresInMs: 3_600_000 } })
    })

    it('gives way to a grant whose notice comes while the end is on its way', async () => {
      only('end', { thereMs: 500, backMs: 500 })
      const waiter = await wait('a', 2_000)
      await world.clock.advance(2_100)
      await world.release('other')
      await settled()
      expect(waiter.kind).toBe('granted')
      await world.clock.advance(5_000)
      expect(await world.inspect()).toMatchObject({ used: 1 })
    })

    it('does not report a grant that ran out before the reply that showed it', async () => {
      replica.network.waysOf = () => []
      const waiter = await wait('a', 2_000, { ttlMs: 1_000 })
      await world.clock.advance(1_900)
      await world.release('other')
      only('end', { backMs: 2_000 })
      await world.clock.advance(5_000)
      expect(waiter.kind).toBe('acquire_timeout')
      expect(await world.inspect()).toMatchObject({ used: 0, waiting: 0 })
    })

    it('with the store away it is down, never busy, and the attachment is ended when the store is back', async () => {
      const waiter = await wait('a', 2_000)
      only('end', { fault: 'never sent' })
      await world.clock.advance(2_000)
      expect(waiter.kind).toBe('StoreUnavailableError')
      expect(await world.inspect()).toMatchObject({ waiting: 1 })
      replica.network.fateOf = () => ({})
      await world.clock.advance(3_000)
      expect(await world.inspect()).toMatchObject({ waiting: 0 })
    })
  })

  describe('the cap over', () => {
    it('is still_waiting with the place in the queue, which is kept for whoever comes back with the id', async () => {
      const waiters = [await wait('a', 60_000), await wait('b', 60_000)]
      const last = world.replica().engine.acquire(request('c', { waitMs: 24_000 }))
      last.outcome.catch(() => undefined)
      await world.clock.advance(25_000)
      expect(waiters.map(({ outcome }) => outcome)).toEqual([
        { kind: 'still_waiting', position: 1 },
        { kind: 'still_waiting', position: 2 },
      ])
      expect(replica.engine.waiting).toBe(0)
      await world.clock.advance(1_000)
      const late = watch(world.replica().engine.acquire(request('c', { waitMs: 20_000 })))
      const again = [await wait('a', 60_000), await wait('b', 60_000)]
      await world.release('other')
      await settled()
      expect([again[0]?.kind, again[1]?.kind, late.kind]).toEqual(['granted', undefined, undefined])
      // the parked attachments end after the grace, and what was re-attached stays
      await world.clock.advance(10_000)
      expect(await world.inspect()).toMatchObject({ used: 1, waiting: 2 })
      await world.release('a')
      await settled()
      expect([again[1]?.kind, late.kind]).toEqual(['granted', undefined])
    })

    it('does not count as waiting here any more', async () => {
      const small = world.replica({ settings: { waitersMax: 1 } })
      small.engine.acquire(request('a', { waitMs: 60_000 }))
      await world.clock.advance(25_000)
      const next = watch(small.engine.acquire(request('b', { waitMs: 60_000 })))
      await settled()
      expect(next.kind).toBeUndefined()
      expect(small.engine.waiting).toBe(1)
    })

    it('nobody comes back: the place is given up after the grace, not before', async () => {
      await wait('a', 60_000)
      await world.clock.advance(25_000 + 9_999)
      expect(await world.inspect()).toMatchObject({ waiting: 1 })
      await world.clock.advance(1)
      expect(await world.inspect()).toMatchObject({ waiting: 0 })
      expect(world.clock.timers).toBe(0)
    })

    it('nobody comes back: a grant in the grace goes to the next', async () => {
      await wait('a', 60_000)
      await world.clock.advance(20_000)
      const next = await wait('b', 24_000)
      await world.clock.advance(6_000)
      await world.release('other')
      await settled()
      expect(next.kind).toBeUndefined()
      await world.clock.advance(9_000)
      expect(next.kind).toBe('granted')
    })

    it('whoever comes back for a lease granted in the grace finds it, and keeps it', async () => {
      await wait('a', 60_000)
      await world.clock.advance(26_000)
      await world.release('other')
      await settled()
      const back = world.replica().engine.acquire(request('a', { waitMs: 60_000 }))
      const outcome = await back.outcome
      expect(outcome).toMatchObject({ kind: 'granted', lease: { waitedMs: 0, expiresInMs: 3_600_000 } })
      back.delivered()
      await world.clock.advance(20_000)
      expect(await world.inspect()).toMatchObject({ used: 1 })
    })

    it('gives way to a grant whose notice is lost', async () => {
      replica.network.waysOf = () => []
      const waiter = await wait('a', 60_000)
      await world.clock.advance(24_500)
      await world.release('other')
      await world.clock.advance(500)
      expect(waiter.outcome).toMatchObject({ kind: 'granted', lease: { waitedMs: 25_000 } })
    })

    it('gives way to a grant that comes while it asks for its position', async () => {
      const waiter = await wait('a', 60_000)
      only('acquire', { backMs: 1_000 })
      await world.clock.advance(25_500)
      await world.release('other')
      await world.clock.advance(500)
      expect(waiter.kind).toBe('granted')
    })

    it('with the store away it is down, and the attachment is ended when the store is back', async () => {
      const waiter = await wait('a', 60_000)
      replica.network.fateOf = () => ({ fault: 'never sent' })
      await world.clock.advance(25_000)
      expect(waiter.kind).toBe('StoreUnavailableError')
      replica.network.fateOf = () => ({})
      await world.clock.advance(3_000)
      expect(await world.inspect()).toMatchObject({ waiting: 0 })
    })

    it('a reply that was not delivered gives the place up when it is closed, one that was does not', async () => {
      const attempts = ['a', 'b'].map((id) => replica.engine.acquire(request(id, { waitMs: 60_000 })))
      await world.clock.advance(25_000)
      attempts[0]?.delivered()
      for (const attempt of attempts) attempt.close()
      await settled()
      expect(await world.inspect()).toMatchObject({ waiting: 1 })
    })

    // What is heard may be old, and the id queued anew since; what the store itself says is how it is now.
    it.each([
      { how: 'heard', ends: 1 },
      { how: 'found by the heartbeat', ends: undefined },
    ])(
      'a place that was cancelled meanwhile, as is $how, is not asked for again: nobody is there',
      async ({ how, ends }) => {
        await wait('a', 60_000)
        await world.clock.advance(25_000)
        const asked = replica.network.counts.acquire
        if (how === 'heard') only('heartbeat', { fault: 'never sent' })
        else replica.network.waysOf = () => []
        await world.release('a')
        await world.clock.advance(60_000)
        expect(replica.network.counts.acquire).toBe(asked)
        expect(replica.network.counts.end).toBe(ends)
      },
    )
  })
})
