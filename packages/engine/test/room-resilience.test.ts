import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { AcquireRequest } from '../src/engine.js'
import { settled } from './room/virtual-clock.js'
import { createWorld, gate, request, watch, type World } from './room/world.js'

describe('the waiting room, whatever the store and the observer do', () => {
  let world: World

  beforeEach(() => {
    world = createWorld()
  })
  afterEach(async () => {
    await world.close()
  })

  async function waiting(asked: Partial<AcquireRequest> = {}) {
    const replica = world.replica()
    const waiter = watch(replica.engine.acquire({ ...request('a', { waitMs: 24_000 }), ...asked }))
    await settled()
    replica.network.sent.length = 0
    return { ...replica, waiter }
  }

  it('reaps that fail are repeated ever more slowly, and the heartbeat heals', async () => {
    await world.hold('other', 1_000)
    const { network, waiter } = await waiting()
    network.waysOf = () => []
    network.fateOf = (operation) => (operation === 'reap' ? { fault: 'never sent' } : {})
    await world.clock.advance(2_950)
    expect(network.counts.reap).toBeLessThanOrEqual(6)
    expect(network.counts.reap).toBeGreaterThanOrEqual(4)
    expect(waiter.kind).toBeUndefined()
    await world.clock.advance(100)
    expect(waiter.kind).toBe('granted')
  })

  it('a store that is away for long is asked no more than every heartbeat', async () => {
    await world.hold('other', 1_000)
    const { network } = await waiting()
    network.fateOf = () => ({ fault: 'never sent' })
    await world.clock.advance(20_000)
    expect(network.counts.heartbeat).toBeLessThanOrEqual(7)
    expect(network.counts.reap).toBeLessThanOrEqual(12)
  })

  it('a store that always says "now" is not asked in a tight loop', async () => {
    await world.hold('other')
    const { network } = await waiting()
    vi.spyOn(network.store, 'reap').mockImplementation(async (call) => {
      network.sent.push({ operation: 'reap', call, atMs: world.clock.now() })
      return { nearestInMs: 0 }
    })
    network.tell({ kind: 'deadline', semaphore: 's', inMs: 0 })
    await world.clock.advance(100)
    expect(network.counts.reap).toBeLessThanOrEqual(101)
  })

  it('never has more than one reap under way, and makes up for what it was told meanwhile', async () => {
    await world.hold('other')
    const { network } = await waiting()
    const first = gate()
    network.fateOf = (operation) => (operation === 'reap' ? { until: first.opened } : {})
    for (const inMs of [5, 4, 3, 2, 1, 0]) {
      network.tell({ kind: 'deadline', semaphore: 's', inMs })
      await world.clock.advance(10)
    }
    expect(network.counts).toEqual({ reap: 1 })
    network.fateOf = () => ({})
    first.open()
    await world.clock.advance(10)
    expect(network.counts).toEqual({ reap: 2 })
  })

  it('a lease that is renewed all the while costs no reap for each deadline it had', async () => {
    await world.hold('other', 9_000)
    const { network } = await waiting()
    for (let second = 0; second < 20; second += 1) {
      await world.clock.advance(1_000)
      await world.store.renew({ semaphore: 's', leaseId: 'other', ttlMs: 9_000 })
    }
    expect(network.counts).toEqual({ heartbeat: 6 })
  })

  it('never has more than one heartbeat of a semaphore under way', async () => {
    await world.hold('other')
    const { network } = await waiting()
    const first = gate()
    network.fateOf = (operation) => (operation === 'heartbeat' ? { backUntil: first.opened } : {})
    await world.clock.advance(3_000)
    for (let times = 0; times < 5; times += 1) network.tell({ kind: 'check', semaphore: 's' })
    await world.clock.advance(1_000)
    expect(network.counts.heartbeat).toBe(1)
    network.fateOf = () => ({})
    first.open()
    await world.clock.advance(1)
    // what was asked for meanwhile, once
    expect(network.counts.heartbeat).toBe(2)
    await world.clock.advance(2_900)
    expect(network.counts.heartbeat).toBe(2)
  })

  it('a heartbeat that failed is not repeated before its time, whoever asks for it meanwhile', async () => {
    await world.hold('other')
    const { network } = await waiting()
    network.fateOf = () => ({ thereMs: 500, fault: 'never sent' })
    await world.clock.advance(3_100)
    network.tell({ kind: 'check', semaphore: 's' })
    await world.clock.advance(1_000)
    network.tell({ kind: 'check', semaphore: 's' })
    await world.clock.advance(1_800)
    expect(network.counts.heartbeat).toBe(1)
    await world.clock.advance(100)
    expect(network.counts.heartbeat).toBe(2)
  })

  it('after a heartbeat that failed the store is asked at once when it is back', async () => {
    await world.hold('other')
    const { network } = await waiting()
    network.fateOf = () => ({ fault: 'never sent' })
    await world.clock.advance(3_100)
    network.fateOf = () => ({})
    network.tell({ kind: 'gap' })
    await world.clock.advance(1)
    expect(network.counts.heartbeat).toBe(2)
    network.tell({ kind: 'check', semaphore: 's' })
    await world.clock.advance(1)
    expect(network.counts.heartbeat).toBe(3)
  })

  it('a heartbeat answered late does not put off a deadline that it did not know', async () => {
    await world.hold('other')
    const { network } = await waiting()
    network.fateOf = (operation) => (operation === 'heartbeat' ? { backMs: 500 } : {})
    await world.clock.advance(3_100)
    network.tell({ kind: 'deadline', semaphore: 's', inMs: 1_000 })
    await world.clock.advance(1_050)
    expect(network.counts).toMatchObject({ heartbeat: 1, reap: 1 })
  })

  it('a heartbeat tries to listen again, where no new request would', async () => {
    await world.hold('other')
    const replica = world.replica()
    replica.network.fateOf = (operation) => (operation === 'listen' ? { fault: 'never sent' } : {})
    const waiter = watch(replica.engine.acquire(request('a', { waitMs: 24_000 })))
    await settled()
    replica.network.fateOf = () => ({})
    await world.clock.advance(3_500)
    await world.release('other')
    await settled()
    expect(waiter.kind).toBe('granted')
  })

  it('a semaphore that nobody waited for any more is waited for like a new one', async () => {
    await world.hold('other')
    const { engine, network } = world.replica()
    engine.acquire(request('a', { waitMs: 24_000 })).close()
    await settled()
    network.waysOf = () => []
    const waiter = watch(engine.acquire(request('b', { waitMs: 24_000 })))
    await settled()
    await world.release('other')
    await world.clock.advance(3_000)
    expect(waiter.kind).toBe('granted')
  })

  it('beats and keeps timers only while somebody waits, and nothing grows with names', async () => {
    const { engine, network } = world.replica()
    for (let index = 0; index < 100; index += 1) {
      const semaphore = `s${index}`
      await engine.acquire(request('holder', { semaphore })).outcome
      const attempt = engine.acquire(request('a', { semaphore, waitMs: 24_000 }))
      await settled()
      expect(engine.waiting).toBe(1)
      attempt.close()
      await settled()
    }
    expect(world.clock.timers).toBe(0)
    network.sent.length = 0
    await world.clock.advance(60_000)
    expect(network.counts).toEqual({})
  })

  it('tells the observer what was granted, refused and released, and does not mind if it throws', async () => {
    const told: unknown[] = []
    const note = (event: object): void => {
      told.push(event)
      throw new Error('an observer that breaks its contract')
    }
    const { engine } = world.replica({ observer: { granted: note, refused: note, released: note } })
    await engine.acquire(request('a')).outcome
    await engine.acquire(request('b')).outcome
    const waiter = engine.acquire(request('c', { waitMs: 24_000 }))
    const late = engine.acquire(request('d', { waitMs: 2_000 }))
    await world.clock.advance(5_000)
    await engine.release({ semaphore: 's', leaseId: 'a', retire: false })
    await waiter.outcome
    await engine.revoke({ semaphore: 's', fence: 1 })
    expect(await late.outcome).toEqual({ kind: 'acquire_timeout' })
    expect(told).toEqual([
      { semaphore: 's', permits: 1, waitedMs: 0 },
      { semaphore: 's', kind: 'permits_unavailable' },
      { semaphore: 's', kind: 'acquire_timeout' },
      // the notice is quicker than the reply of the release that made it
      { semaphore: 's', permits: 1, waitedMs: 4_999 },
      { semaphore: 's', permits: 1, heldMs: 5_000 },
    ])
  })

  it('a rejected outcome that nobody looks at ends no process', async () => {
    const { engine, network } = world.replica()
    const rejections: unknown[] = []
    const note = (reason: unknown): void => {
      rejections.push(reason)
    }
    process.on('unhandledRejection', note)
    network.fateOf = () => ({ fault: 'never sent' })
    engine.acquire(request('a'))
    engine.acquire(request('b', { waitMs: 24_000 }))
    await world.clock.advance(10_000)
    process.off('unhandledRejection', note)
    expect(rejections).toEqual([])
  })

  it('a store that throws instead of rejecting is as if it had rejected', async () => {
    const { engine, network } = world.replica()
    const broken = (): never => {
      throw new TypeError('not a promise')
    }
    vi.spyOn(network.store, 'acquire').mockImplementation(broken)
    vi.spyOn(network.store, 'end').mockImplementation(broken)
    vi.spyOn(network.store, 'listen').mockImplementation(broken)
    await expect(engine.acquire(request('a', { waitMs: 24_000 })).outcome).rejects.toBeInstanceOf(TypeError)
    await world.clock.advance(10_000)
  })
})
