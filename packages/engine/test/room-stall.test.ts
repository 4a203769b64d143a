import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Notice } from '../src/store.js'
import { settled } from './room/virtual-clock.js'
import { createWorld, request, type TestReplica, watch, type World } from './room/world.js'

// docs/spec.md, I8 and I13: what a replica missed, it finds out; what is over, it never reports.
describe('a replica whose event loop was blocked, or whose store forgot', () => {
  let world: World
  let stalled: TestReplica
  let other: TestReplica

  beforeEach(() => {
    world = createWorld()
    stalled = world.replica()
    other = world.replica()
  })
  afterEach(async () => {
    await world.close()
  })

  async function leases() {
    const reply = await world.store.leases({ semaphore: 's', cursor: null, pageSize: 10 })
    if (reply.kind !== 'page') throw new Error('there is no semaphore s')
    return reply
  }

  it('stalled past the grace, its waiter dropped and a permit free: the request gets it when the replica is back', async () => {
    await world.hold('holder')
    const waiter = watch(stalled.engine.acquire(request('a', { waitMs: 24_000 })))
    await settled()
    stalled.clock.stall()
    await world.clock.advance(12_000)
    await world.store.reap({ semaphore: 's' })
    expect(await world.inspect()).toMatchObject({ waiting: 0 })
    await world.release('holder')
    await stalled.clock.resume()
    await settled()
    expect(waiter.kind).toBe('granted')
  })

  it('stalled past the grace with others waiting: its request goes to the tail', async () => {
    await world.hold('holder')
    const waiter = watch(stalled.engine.acquire(request('a', { waitMs: 60_000 })))
    await settled()
    const behind = watch(other.engine.acquire(request('b', { waitMs: 24_000 })))
    await settled()
    stalled.clock.stall()
    await world.clock.advance(12_000)
    await stalled.clock.resume()
    await settled()
    expect(await world.inspect()).toMatchObject({ waiting: 2 })
    await world.release('holder')
    await settled()
    expect([waiter.kind, behind.kind]).toEqual([undefined, 'granted'])
    await world.release('b')
    await settled()
    expect(waiter.kind).toBe('granted')
  })

  it('stalled for less than the grace: the place is kept', async () => {
    await world.hold('holder')
    const waiter = watch(stalled.engine.acquire(request('a', { waitMs: 24_000 })))
    await settled()
    const behind = watch(other.engine.acquire(request('b', { waitMs: 24_000 })))
    await settled()
    stalled.clock.stall()
    await world.clock.advance(9_000)
    await stalled.clock.resume()
    await world.clock.advance(3_000)
    await world.release('holder')
    await settled()
    expect([waiter.kind, behind.kind]).toEqual(['granted', undefined])
  })

  it('granted during a stall longer than the ttl: the lease is over and is not reported; the acquire runs again', async () => {
    await world.hold('holder')
    const waiter = watch(stalled.engine.acquire(request('a', { waitMs: 24_000, ttlMs: 2_000 })))
    await settled()
    stalled.clock.stall()
    await world.release('holder')
    await world.clock.advance(4_000)
    await world.hold('quicker')
    await stalled.clock.resume()
    await settled()
    expect(waiter.kind).toBeUndefined()
    expect(await world.inspect()).toMatchObject({ used: 1, waiting: 1 })
    await world.release('quicker')
    await settled()
    expect(waiter.outcome).toMatchObject({ kind: 'granted', lease: { expiresInMs: 2_000 } })
  })

  it('granted during a stall shorter than the ttl: reported as of the grant', async () => {
    await world.hold('holder')
    const waiter = watch(stalled.engine.acquire(request('a', { waitMs: 24_000, ttlMs: 60_000 })))
    await settled()
    stalled.clock.stall()
    await world.clock.advance(1_000)
    await world.release('holder')
    await world.clock.advance(20_000)
    await stalled.clock.resume()
    await settled()
    expect(waiter.outcome).toMatchObject({ kind: 'granted', lease: { waitedMs: 999, expiresInMs: 60_000 } })
    expect(stalled.network.counts).toMatchObject({ acquire: 1 })
  })

  it('the reply of a grant that comes after its deadline is not reported', async () => {
    stalled.network.fateOf = (operation) => (operation === 'acquire' ? { backMs: 1_500 } : {})
    await world.store.configure({ semaphore: 's', limit: 5, bounded: null })
    const attempt = watch(stalled.engine.acquire(request('a', { ttlMs: 1_000, limit: 1 })))
    await world.clock.advance(1_000)
    stalled.network.fateOf = () => ({})
    await world.clock.advance(500)
    expect(stalled.network.counts).toEqual({ acquire: 2 })
    // what only the first reply could know is not lost with it
    const lease = { waitedMs: 1_500, expiresInMs: 1_000, limitMismatch: 5 }
    expect(attempt.outcome).toMatchObject({ kind: 'granted', lease })
  })

  it('replies that always come after the deadline are a store that is down, not a loop', async () => {
    stalled.network.fateOf = (operation) => (operation === 'acquire' ? { backMs: 1_500 } : {})
    const attempt = watch(stalled.engine.acquire(request('a', { ttlMs: 1_000 })))
    await world.clock.advance(20_000)
    expect(attempt.kind).toBe('StoreUnavailableError')
    expect(stalled.network.counts).toMatchObject({ acquire: 4, end: 1 })
  })

  it('a heartbeat that found the lease, but came back after its deadline, is not believed', async () => {
    await world.hold('holder')
    stalled.network.waysOf = () => []
    stalled.network.fateOf = (operation) => (operation === 'heartbeat' ? { backMs: 2_000 } : {})
    const waiter = watch(stalled.engine.acquire(request('a', { waitMs: 24_000, ttlMs: 1_500 })))
    await world.clock.advance(2_900)
    await world.release('holder')
    await world.clock.advance(1_600)
    await world.hold('quicker')
    await world.clock.advance(600)
    expect(waiter.kind).toBeUndefined()
    expect(await world.inspect()).toMatchObject({ waiting: 1 })
  })

  it('a heartbeat answered late does not undo what was learned since', async () => {
    await world.hold('holder')
    const waiter = watch(stalled.engine.acquire(request('a', { waitMs: 24_000, ttlMs: 1_000 })))
    await settled()
    stalled.network.waysOf = () => []
    // granted and expired before the first heartbeat, which finds nothing; its answer comes after the next ones
    await world.release('holder')
    await world.clock.advance(2_000)
    await world.hold('quicker')
    let beats = 0
    stalled.network.fateOf = (operation) => (operation === 'heartbeat' && beats++ === 0 ? { backMs: 4_000 } : {})
    await world.clock.advance(2_000)
    expect(stalled.network.counts).toMatchObject({ acquire: 1 })
    stalled.network.waysOf = () => [0]
    stalled.network.tell({ kind: 'check', semaphore: 's' })
    await world.clock.advance(5_000)
    expect(stalled.network.counts).toMatchObject({ acquire: 2 })
    expect(waiter.kind).toBeUndefined()
    expect(await world.inspect()).toMatchObject({ waiting: 1 })
  })

  it('a heartbeat answered late does not bring back a lease that was lost since', async () => {
    await world.hold('holder')
    const waiter = watch(stalled.engine.acquire(request('a', { waitMs: 24_000, ttlMs: 60_000 })))
    await world.clock.advance(1_000)
    const kept: Notice[] = []
    stalled.network.waysOf = (notice) => {
      kept.push(notice)
      return []
    }
    stalled.network.fateOf = (operation) => (operation === 'heartbeat' ? { backMs: 2_000 } : {})
    await world.release('holder')
    await world.clock.advance(2_500)
    // the beat has found the lease; an operator takes it away, somebody else is quicker, and the notice makes it ask again
    const { items } = await leases()
    await world.store.revoke({ semaphore: 's', fence: items[0]?.fence ?? 0 })
    await world.hold('quicker')
    stalled.network.waysOf = () => [0]
    stalled.clock.stall()
    await world.clock.advance(1)
    await stalled.clock.resume()
    const lease = kept.find((notice) => notice.kind === 'granted')
    if (lease === undefined) throw new Error('nothing was granted')
    stalled.network.tell({ ...lease, lease: { ...lease.lease, grantedAtMs: 0, deadlineMs: 60_000 } })
    await world.clock.advance(5_000)
    expect(waiter.kind).toBeUndefined()
    expect(await world.inspect()).toMatchObject({ used: 1, waiting: 1 })
  })

  it('dropped and queued anew, it says how long it waited since its arrival', async () => {
    await world.hold('holder')
    const waiter = watch(stalled.engine.acquire(request('a', { waitMs: 24_000 })))
    await settled()
    stalled.clock.stall()
    await world.clock.advance(12_000)
    await world.store.reap({ semaphore: 's' })
    await stalled.clock.resume()
    await world.clock.advance(2_000)
    expect(stalled.network.counts).toMatchObject({ acquire: 2 })
    await world.release('holder')
    await settled()
    expect(waiter.outcome).toMatchObject({ kind: 'granted', lease: { waitedMs: 13_999 } })
  })

  it('a step of the store’s clock does not make a wait longer than it was', async () => {
    await world.hold('holder', 86_400_000)
    const waiter = watch(stalled.engine.acquire(request('a', { waitMs: 24_000 })))
    await world.clock.advance(1_500)
    world.stepStoreClock(5_000)
    await world.release('holder')
    await settled()
    expect(waiter.outcome).toMatchObject({ kind: 'granted', lease: { waitedMs: 1_500 } })
  })

  it('a store that lost everything: its requests hear that the semaphore is gone, none is left hanging', async () => {
    await world.hold('holder')
    const waiters = ['a', 'b'].map((id) => watch(stalled.engine.acquire(request(id, { waitMs: 24_000 }))))
    await settled()
    stalled.network.waysOf = () => []
    await world.store.remove({ semaphore: 's', force: true })
    await world.clock.advance(3_000)
    expect(waiters.map(({ kind }) => kind)).toEqual(['semaphore_not_found', 'semaphore_not_found'])
  })

  it('run again together, requests keep their order among themselves', async () => {
    await world.hold('holder')
    const waiters = ['a', 'b', 'c'].map((id) => watch(stalled.engine.acquire(request(id, { waitMs: 24_000 }))))
    await settled()
    stalled.network.waysOf = (notice) => (notice.kind === 'granted' ? [0] : [])
    await world.store.remove({ semaphore: 's', force: true })
    await world.hold('holder')
    await world.clock.advance(3_000)
    expect(await world.inspect()).toMatchObject({ waiting: 3 })
    for (const id of ['holder', 'a', 'b']) {
      await world.release(id)
      await settled()
    }
    expect(waiters.map(({ kind }) => kind)).toEqual(['granted', 'granted', 'granted'])
    const fences = waiters.map(({ outcome }) => (outcome?.kind === 'granted' ? outcome.lease.fence : 0))
    expect(fences).toEqual([...fences].sort((a, b) => a - b))
  })

  it('a run-again that is not answered is tried by the next heartbeat', async () => {
    await world.hold('holder')
    const waiter = watch(stalled.engine.acquire(request('a', { waitMs: 24_000 })))
    await settled()
    stalled.network.waysOf = () => []
    await world.store.remove({ semaphore: 's', force: true })
    await world.hold('holder')
    stalled.network.fateOf = (operation) => (operation === 'acquire' ? { fault: 'never sent' } : {})
    await world.clock.advance(3_000)
    expect(waiter.kind).toBeUndefined()
    expect(stalled.engine.waiting).toBe(1)
    stalled.network.fateOf = () => ({})
    await world.clock.advance(3_000)
    expect(await world.inspect()).toMatchObject({ waiting: 1 })
  })
})
