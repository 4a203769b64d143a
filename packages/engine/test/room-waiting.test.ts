import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { settled } from './room/virtual-clock.js'
import { createWorld, request, watch, type Watched, type World } from './room/world.js'

describe('requests that wait', () => {
  let world: World

  beforeEach(() => {
    world = createWorld()
  })
  afterEach(async () => {
    await world.close()
  })

  it('an uncontended acquire is one call of the store and leaves no timer', async () => {
    const { engine, network } = world.replica()
    await world.hold('other')
    await world.release('other')
    const attempt = engine.acquire(request('a', { waitMs: 5_000 }))
    const outcome = await attempt.outcome
    attempt.delivered()
    expect(outcome).toMatchObject({ kind: 'granted', lease: { leaseId: 'a', semaphore: 's', waitedMs: 0 } })
    expect(network.counts).toEqual({ listen: 1, acquire: 1 })
    expect(world.clock.timers).toBe(0)
    expect(engine.waiting).toBe(0)
  })

  it('waitMs 0 is answered at once, whether or not it fits, and listens for nothing', async () => {
    const { engine, network } = world.replica()
    expect(await engine.acquire(request('a')).outcome).toMatchObject({ kind: 'granted' })
    const busy = await engine.acquire(request('b')).outcome
    expect(busy).toEqual({
      kind: 'permits_unavailable',
      limit: 1,
      used: 1,
      waiting: 0,
      nearestInMs: 3_600_000,
    })
    expect(network.counts).toEqual({ acquire: 2 })
    expect(world.clock.timers).toBe(0)
  })

  it('a release grants the first waiter on another replica, and nobody else is woken', async () => {
    const [first, second] = [world.replica(), world.replica()]
    const held = first.engine.acquire(request('a', { waitMs: 1 }))
    await held.outcome
    const waiters: Watched[] = []
    for (const [id, { engine }] of [
      ['b', second],
      ['c', first],
      ['d', second],
    ] as const) {
      waiters.push(watch(engine.acquire(request(id, { waitMs: 20_000 }))))
      await settled()
    }
    expect([first.engine.waiting, second.engine.waiting]).toEqual([1, 2])
    const before = [first.network.sent.length, second.network.sent.length]
    expect(await first.engine.release({ semaphore: 's', leaseId: 'a', retire: false })).toMatchObject({
      kind: 'released',
    })
    await settled()
    expect(waiters.map(({ kind }) => kind)).toEqual(['granted', undefined, undefined])
    expect([first.network.sent.length, second.network.sent.length]).toEqual([(before[0] ?? 0) + 1, before[1]])
    expect([first.engine.waiting, second.engine.waiting]).toEqual([1, 1])
  })

  it('says how long it waited until the grant, never more than the truth, and the whole ttl', async () => {
    const { engine } = world.replica()
    await world.hold('other')
    const waiter = watch(engine.acquire(request('a', { waitMs: 20_000, ttlMs: 5_000 })))
    await world.clock.advance(7_000)
    await world.release('other')
    await settled()
    expect(waiter.outcome).toMatchObject({ kind: 'granted', lease: { waitedMs: 6_999, expiresInMs: 5_000 } })
  })

  it('a ttl shorter than the time between heartbeats is granted whole, too', async () => {
    const { engine, network } = world.replica()
    await world.hold('other')
    const waiter = watch(engine.acquire(request('a', { waitMs: 20_000, ttlMs: 500 })))
    await world.clock.advance(7_000)
    await world.release('other')
    await settled()
    expect(waiter.outcome).toMatchObject({ kind: 'granted', lease: { waitedMs: 7_000, expiresInMs: 500 } })
    // the notice alone proves nothing 1,000 ms after the last command that found it waiting
    expect(network.counts).toMatchObject({ acquire: 2 })
  })

  it('keeps the limit mismatch of the first reply for a grant out of the queue', async () => {
    const { engine } = world.replica()
    await world.hold('other')
    const waiter = watch(engine.acquire(request('a', { waitMs: 20_000, limit: 7 })))
    await settled()
    await world.release('other')
    await settled()
    expect(waiter.outcome).toMatchObject({ kind: 'granted', lease: { limitMismatch: 1 } })
  })

  it('a thousand idle waiters cost one heartbeat of each replica every 3 s, and nothing else', async () => {
    const replicas = [world.replica(), world.replica()]
    await world.hold('other')
    for (let index = 0; index < 1_000; index += 1) {
      replicas[index % 2]?.engine.acquire(request(randomUUID(), { waitMs: 24_000 }))
    }
    await settled()
    for (const { network } of replicas) network.sent.length = 0
    await world.clock.advance(23_000)
    expect(replicas.map(({ network }) => network.counts)).toEqual([{ heartbeat: 7 }, { heartbeat: 7 }])
    expect(await world.inspect()).toMatchObject({ waiting: 1_000 })
  })

  it('more than a thousand requests of one replica are asked for in several calls', async () => {
    const { engine, network } = world.replica()
    await world.hold('other')
    for (let index = 0; index < 2_500; index += 1) engine.acquire(request(randomUUID(), { waitMs: 24_000 }))
    await world.clock.advance(3_000)
    expect(network.counts.heartbeat).toBe(3)
  })

  it('the queue moves within 50 ms of the deadline of the lease that blocks it', async () => {
    const { engine } = world.replica()
    await world.hold('other', 5_000)
    const waiter = watch(engine.acquire(request('a', { waitMs: 20_000 })))
    await world.clock.advance(4_999)
    expect(waiter.kind).toBeUndefined()
    await world.clock.advance(50)
    expect(waiter.kind).toBe('granted')
  })

  it('a reply that comes late does not put the deadline off that it tells', async () => {
    const { engine, network } = world.replica()
    network.fateOf = (operation) => (operation === 'acquire' ? { backMs: 800 } : {})
    await world.hold('other', 1_000)
    const waiter = watch(engine.acquire(request('a', { waitMs: 20_000 })))
    await world.clock.advance(1_050)
    expect(waiter.kind).toBe('granted')
  })

  it('a deadline that comes closer moves the timers of all replicas with waiters', async () => {
    const [first, second] = [world.replica(), world.replica()]
    await world.hold('other', 60_000)
    const short = watch(first.engine.acquire(request('a', { waitMs: 20_000, ttlMs: 1_000 })))
    const last = watch(second.engine.acquire(request('b', { waitMs: 20_000 })))
    await settled()
    await world.release('other')
    await settled()
    expect(short.kind).toBe('granted')
    // the one whose lease it is has no waiter any more, and the other queued behind 60 s
    await world.clock.advance(1_050)
    expect(last.kind).toBe('granted')
    expect(second.network.counts).toMatchObject({ reap: 1 })
  })

  it('a deadline that is told before the reply that queued is not lost', async () => {
    const { engine, network } = world.replica()
    await world.hold('other', 60_000, 2)
    await world.hold('another', 60_000, 2)
    network.fateOf = (operation) => (operation === 'acquire' ? { backMs: 100 } : {})
    const waiter = watch(engine.acquire(request('a', { waitMs: 20_000 })))
    await settled()
    network.tell({ kind: 'deadline', semaphore: 's', inMs: 500 })
    await world.clock.advance(520)
    expect(network.counts).toMatchObject({ reap: 1 })
    expect(waiter.kind).toBeUndefined()
  })

  it('another caller that releases the waiting id cancels the wait', async () => {
    const { engine } = world.replica()
    await world.hold('other')
    const waiter = watch(engine.acquire(request('a', { waitMs: 20_000 })))
    await settled()
    await world.release('a')
    await settled()
    expect(waiter.kind).toBe('wait_cancelled')
    expect(engine.waiting).toBe(0)
  })

  it('waiters of a semaphore that was removed hear so at once', async () => {
    const { engine } = world.replica()
    await world.hold('other')
    const waiter = watch(engine.acquire(request('a', { waitMs: 20_000 })))
    await settled()
    await world.store.remove({ semaphore: 's', force: true })
    await settled()
    expect(waiter.kind).toBe('semaphore_not_found')
  })

  it('waiters too big for a lowered limit hear so at once, and those behind them move up', async () => {
    const { engine } = world.replica()
    await world.hold('other', 3_600_000, 3)
    const big = watch(engine.acquire(request('a', { waitMs: 20_000, permits: 3 })))
    const small = watch(engine.acquire(request('b', { waitMs: 20_000 })))
    await settled()
    await world.store.configure({ semaphore: 's', limit: 2, bounded: null })
    await settled()
    expect(big.outcome).toEqual({ kind: 'permits_exceed_limit', limit: 2 })
    expect(small.kind).toBe('granted')
  })

  it('above the most waiters of a replica it refuses before it asks the store, but not who would not wait', async () => {
    const { engine, network } = world.replica({ settings: { waitersMax: 2 } })
    await world.hold('other')
    const waiters = ['a', 'b'].map((id) => engine.acquire(request(id, { waitMs: 20_000 })))
    await settled()
    const asked = network.sent.length
    expect(await engine.acquire(request('c', { waitMs: 20_000 })).outcome).toEqual({ kind: 'overloaded' })
    expect(network.sent.length).toBe(asked)
    expect(await engine.acquire(request('d')).outcome).toMatchObject({ kind: 'permits_unavailable' })
    waiters[0]?.close()
    expect(watch(engine.acquire(request('e', { waitMs: 20_000 }))).kind).toBeUndefined()
    await settled()
    expect(engine.waiting).toBe(2)
  })
})
