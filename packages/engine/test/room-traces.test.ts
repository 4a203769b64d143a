import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { settled } from './room/virtual-clock.js'
import { createWorld, request, type TestReplica, watch, type World } from './room/world.js'

// The shortest traces that a search over interleavings found against simpler rules (docs/spec.md). Limit 1 throughout.
describe('an old attempt never harms a newer one', () => {
  let world: World
  let old: TestReplica
  let newer: TestReplica

  beforeEach(() => {
    world = createWorld()
    old = world.replica()
    newer = world.replica()
  })
  afterEach(async () => {
    await world.close()
  })

  it('granted to the old attempt, adopted by the new one, and then the old one is ended: the lease lives', async () => {
    old.network.fateOf = (operation) => (operation === 'end' ? { thereMs: 1_000 } : {})
    const first = old.engine.acquire(request('a'))
    await first.outcome
    first.close()
    const second = newer.engine.acquire(request('a'))
    expect(await second.outcome).toMatchObject({ kind: 'granted' })
    second.delivered()
    const next = watch(newer.engine.acquire(request('b', { waitMs: 24_000 })))
    await world.clock.advance(5_000)
    expect(next.kind).toBeUndefined()
    expect(await world.inspect()).toMatchObject({ used: 1 })
  })

  it('the old attempt reaches the store after the new one was granted, and then closes: the lease lives', async () => {
    old.network.fateOf = (operation) => (operation === 'acquire' ? { thereMs: 1_000 } : {})
    const first = old.engine.acquire(request('a'))
    await settled()
    const second = newer.engine.acquire(request('a'))
    expect(await second.outcome).toMatchObject({ kind: 'granted' })
    second.delivered()
    await world.clock.advance(1_000)
    expect(await first.outcome).toMatchObject({ kind: 'granted' })
    first.close()
    const next = watch(newer.engine.acquire(request('b', { waitMs: 24_000 })))
    await world.clock.advance(5_000)
    expect(next.kind).toBeUndefined()
    expect(await world.inspect()).toMatchObject({ used: 1 })
  })

  it('the old attempt reaches the store after it was closed and after the new one was granted: the lease lives', async () => {
    old.network.fateOf = (operation) => (operation === 'acquire' ? { thereMs: 1_000 } : {})
    const first = old.engine.acquire(request('a'))
    await settled()
    first.close()
    const second = newer.engine.acquire(request('a'))
    await second.outcome
    second.delivered()
    await world.clock.advance(5_000)
    expect(await world.inspect()).toMatchObject({ used: 1 })
  })

  it('the old attempt re-attaches last to the waiter, and closes: the new one keeps its place', async () => {
    await world.hold('other')
    old.network.fateOf = (operation) => (operation === 'acquire' ? { thereMs: 1_000 } : {})
    const first = old.engine.acquire(request('a', { waitMs: 24_000 }))
    await settled()
    const second = watch(newer.engine.acquire(request('a', { waitMs: 24_000 })))
    const behind = watch(newer.engine.acquire(request('b', { waitMs: 24_000 })))
    await world.clock.advance(1_500)
    first.close()
    await settled()
    await world.release('other')
    await settled()
    expect([second.kind, behind.kind]).toEqual(['granted', undefined])
  })

  it('an end that is sent again after the next acquire of the same replica touches only its own attempt', async () => {
    await world.hold('other')
    const first = old.engine.acquire(request('a', { waitMs: 24_000 }))
    await settled()
    old.network.fateOf = (operation) => (operation === 'end' ? { fault: 'never sent' } : {})
    first.close()
    const attempt = old.engine.acquire(request('a', { waitMs: 24_000 }))
    const second = watch(attempt)
    await settled()
    await world.release('other')
    await settled()
    expect(second.kind).toBe('granted')
    attempt.delivered()
    old.network.fateOf = () => ({})
    await world.clock.advance(10_000)
    expect(await world.inspect()).toMatchObject({ used: 1 })
  })

  it('a lease that an old attempt created anew is not taken for this request’s own', async () => {
    await world.hold('other')
    newer.network.waysOf = () => []
    const attempt = newer.engine.acquire(request('a', { waitMs: 24_000, ttlMs: 1_000 }))
    const live = watch(attempt)
    await settled()
    // its lease comes and goes unheard, and an old attempt of the same id gets another one, which it will give back
    await world.release('other')
    await world.clock.advance(1_500)
    const first = old.engine.acquire(request('a', { ttlMs: 60_000 }))
    await first.outcome
    await world.clock.advance(2_000)
    // asked again: the same lease, adopted, so that the old attempt's close does not reach it
    expect(live.outcome).toMatchObject({ kind: 'granted' })
    attempt.delivered()
    first.close()
    await world.clock.advance(1_000)
    expect(await world.inspect()).toMatchObject({ used: 1 })
  })

  it('asked again on its own lease, it is still the one whose close gives the lease back', async () => {
    await world.hold('other')
    newer.network.waysOf = (notice) => (notice.kind === 'granted' ? [4_000] : [0])
    newer.network.fateOf = (operation) => (operation === 'heartbeat' ? { fault: 'never sent' } : {})
    const attempt = newer.engine.acquire(request('a', { waitMs: 24_000, ttlMs: 3_000 }))
    await world.clock.advance(2_000)
    await world.release('other')
    await world.clock.advance(2_500)
    await world.store.renew({ semaphore: 's', leaseId: 'a', ttlMs: 60_000 })
    await world.clock.advance(1_500)
    expect(await attempt.outcome).toMatchObject({ kind: 'granted', lease: { waitedMs: 6_000 } })
    expect(newer.network.counts).toMatchObject({ acquire: 2 })
    attempt.close()
    await settled()
    expect(await world.inspect()).toMatchObject({ used: 0 })
  })
})
