import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AcquireRequest } from '../src/engine.js'
import { settled } from './room/virtual-clock.js'
import { createWorld, request, watch, type World } from './room/world.js'

function atOnce(leaseId: string, asked: Parameters<typeof request>[1] = {}): AcquireRequest {
  return { ...request(leaseId, { waitMs: 60_000, ...asked }), isAnsweredAtOnce: true }
}

describe('an acquire that is answered at once', () => {
  let world: World

  beforeEach(() => {
    world = createWorld()
  })
  afterEach(async () => {
    await world.close()
  })

  it('is granted as any other, with one call of the store', async () => {
    const { engine, network } = world.replica()
    expect(await engine.acquire(atOnce('a')).outcome).toMatchObject({ kind: 'granted', lease: { waitedMs: 0 } })
    expect(network.counts).toEqual({ listen: 1, acquire: 1 })
    expect(world.clock.timers).toBe(0)
  })

  it('is told its place with one call of the store, and the place is kept for the grace and no longer', async () => {
    await world.hold('other')
    const { engine, network } = world.replica()
    const attempt = engine.acquire(atOnce('a'))
    expect(await attempt.outcome).toEqual({ kind: 'still_waiting', position: 1 })
    attempt.delivered()
    expect(network.counts).toEqual({ listen: 1, acquire: 1 })
    expect(engine.waiting).toBe(0)
    await world.clock.advance(9_999)
    expect(await world.inspect()).toMatchObject({ waiting: 1 })
    await world.clock.advance(1)
    expect(await world.inspect()).toMatchObject({ waiting: 0 })
    expect(world.clock.timers).toBe(0)
  })

  it('heartbeats keep a place whose grace is longer than what the store gives a silent replica', async () => {
    await world.hold('other')
    const { engine } = world.replica({ settings: { graceMs: 30_000 } })
    await engine.acquire(atOnce('a')).outcome
    await world.clock.advance(29_000)
    await world.store.reap({ semaphore: 's' })
    expect(await world.inspect()).toMatchObject({ waiting: 1 })
  })

  it('keeps its place for whoever comes back with the id, whose wait is not ended with it', async () => {
    await world.hold('other')
    const [first, second] = [world.replica(), world.replica()]
    const attempt = first.engine.acquire(atOnce('a'))
    await attempt.outcome
    attempt.delivered()
    const behind = watch(second.engine.acquire(request('b', { waitMs: 60_000 })))
    await settled()
    const back = watch(second.engine.acquire(request('a', { waitMs: 60_000 })))
    await world.clock.advance(15_000)
    await world.release('other')
    await settled()
    expect([back.kind, behind.kind]).toEqual(['granted', undefined])
  })

  it('granted before its caller is back: the caller finds the lease, and nothing ends it', async () => {
    await world.hold('other')
    const { engine } = world.replica()
    const attempt = engine.acquire(atOnce('a'))
    await attempt.outcome
    attempt.delivered()
    await world.release('other')
    await settled()
    const back = engine.acquire(request('a', { waitMs: 60_000 }))
    expect(await back.outcome).toMatchObject({ kind: 'granted' })
    back.delivered()
    await world.clock.advance(20_000)
    expect(await world.inspect()).toMatchObject({ used: 1 })
  })

  it.each(['queued', 'granted'])('closed before its answer is written, %s: nothing is left', async (how) => {
    if (how === 'queued') await world.hold('other')
    const { engine } = world.replica()
    const attempt = engine.acquire(atOnce('a'))
    await attempt.outcome
    attempt.close()
    attempt.delivered()
    await settled()
    expect(await world.inspect()).toMatchObject({ waiting: 0, used: how === 'queued' ? 1 : 0 })
  })

  it('does not wait for a store that does not answer its second question', async () => {
    await world.hold('other')
    const { engine, network } = world.replica()
    network.fateOf = (asked) => (asked === 'acquire' ? { backMs: 2_000 } : {})
    const watched = watch(engine.acquire(atOnce('a', { ttlMs: 1_000 })))
    await settled()
    // Its grant is heard of before the reply that queued it comes, and is over by then.
    await world.release('other')
    await settled()
    network.fateOf = (asked) => (asked === 'acquire' ? { fault: 'never sent' } : {})
    await world.clock.advance(2_000)
    expect(watched.kind).toBe('StoreUnavailableError')
  })

  it('is sent elsewhere by a replica that stopped meanwhile, and its place keeps', async () => {
    await world.hold('other')
    const { engine, network } = world.replica()
    network.fateOf = (asked) => (asked === 'acquire' ? { backMs: 500 } : {})
    const watched = watch(engine.acquire(atOnce('a')))
    await settled()
    engine.stop()
    await world.clock.advance(500)
    expect(watched.kind).toBe('shutting_down')
    expect(await world.inspect()).toMatchObject({ waiting: 1 })
    expect(world.clock.timers).toBe(0)
  })

  it('does not leave more places behind than may wait at the replica', async () => {
    await world.hold('other')
    const { engine } = world.replica({ settings: { waitersMax: 2 } })
    for (const leaseId of ['a', 'b']) await engine.acquire(atOnce(leaseId)).outcome
    expect(await engine.acquire(atOnce('c')).outcome).toEqual({ kind: 'overloaded' })
    // Who comes back is not refused for the places that were kept.
    const back = watch(engine.acquire(request('a', { waitMs: 60_000 })))
    await settled()
    expect(back.kind).toBeUndefined()
    await world.clock.advance(10_000)
    expect(await engine.acquire(atOnce('c')).outcome).toEqual({ kind: 'still_waiting', position: 2 })
  })
})
