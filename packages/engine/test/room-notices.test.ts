import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { GrantedLease, Notice } from '../src/store.js'
import type { Fate, Operation } from './room/faulty-store.js'
import { settled } from './room/virtual-clock.js'
import { createWorld, gate, request, type TestReplica, watch, type Watched, type World } from './room/world.js'

describe('notices, however they come', () => {
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

  async function wait(leaseId: string, asked: Parameters<typeof request>[1] = {}): Promise<Watched> {
    const waiter = watch(replica.engine.acquire(request(leaseId, { waitMs: 20_000, ...asked })))
    await settled()
    return waiter
  }

  it('one that comes before the reply of the acquire that queued is kept for it', async () => {
    const reply = gate()
    only('acquire', { backUntil: reply.opened })
    const waiter = await wait('a')
    await world.clock.advance(100)
    await world.release('other')
    await settled()
    expect(waiter.kind).toBeUndefined()
    reply.open()
    await settled()
    expect(waiter.outcome).toMatchObject({ kind: 'granted', lease: { waitedMs: 99, expiresInMs: 3_600_000 } })
    expect(replica.network.counts).toMatchObject({ acquire: 1 })
  })

  it('one that comes before a reply that is lost is reported, though nobody knows since when it waited', async () => {
    only('acquire', { backMs: 200, fault: 'reply lost' })
    const waiter = await wait('a')
    await world.clock.advance(100)
    await world.release('other')
    await world.clock.advance(200)
    expect(waiter.outcome).toMatchObject({ kind: 'granted', lease: { waitedMs: 0 } })
  })

  it('one that comes before a reply which takes longer than the ttl is not reported, and the acquire runs again', async () => {
    const reply = gate()
    only('acquire', { backUntil: reply.opened })
    const waiter = await wait('a', { ttlMs: 1_000 })
    await world.release('other')
    await world.clock.advance(1_500)
    replica.network.fateOf = () => ({})
    reply.open()
    await settled()
    expect(waiter.outcome).toMatchObject({ kind: 'granted', lease: { waitedMs: 1_500, expiresInMs: 1_000 } })
  })

  it('one that says cancelled before the reply ends the wait, and what the reply brings is ended too', async () => {
    const reply = gate()
    only('acquire', { backUntil: reply.opened })
    const waiter = await wait('a')
    await world.release('a')
    await settled()
    expect(waiter.kind).toBe('wait_cancelled')
    reply.open()
    await world.clock.advance(10)
    expect(replica.network.counts).toMatchObject({ end: 1 })
    expect(await world.inspect()).toMatchObject({ waiting: 0 })
  })

  it('one that comes twice, or after everything, changes nothing', async () => {
    replica.network.waysOf = (notice) => (notice.kind === 'granted' ? [0, 0, 50, 5_000] : [0])
    const attempt = replica.engine.acquire(request('a', { waitMs: 20_000 }))
    await settled()
    await world.release('other')
    const outcome = await attempt.outcome
    expect(outcome.kind).toBe('granted')
    attempt.delivered()
    await world.clock.advance(10_000)
    expect(await world.inspect()).toMatchObject({ used: 1 })
    expect(replica.network.counts).not.toHaveProperty('end')
  })

  it('a lost one is found by the next heartbeat, and reported as of the grant', async () => {
    replica.network.waysOf = () => []
    const waiter = await wait('a')
    await world.clock.advance(1_000)
    await world.release('other')
    await world.clock.advance(1_999)
    expect(waiter.kind).toBeUndefined()
    await world.clock.advance(1)
    expect(waiter.outcome).toMatchObject({ kind: 'granted', lease: { waitedMs: 999, expiresInMs: 3_600_000 } })
  })

  it('a lost one that says cancelled is found by the next heartbeat, which asks again and hears why', async () => {
    replica.network.waysOf = () => []
    const waiter = await wait('a')
    await world.release('a')
    await world.clock.advance(3_000)
    expect(waiter.kind).toBe('wait_cancelled')
  })

  it('after a gap all semaphores are asked at once', async () => {
    replica.network.waysOf = (notice) => (notice.kind === 'gap' ? [0] : [])
    const waiter = await wait('a')
    await world.clock.advance(1_000)
    await world.release('other')
    replica.network.tell({ kind: 'gap' })
    await settled()
    expect(waiter.kind).toBe('granted')
  })

  it('one of an earlier lease of the same id is not taken for the lease of now', async () => {
    const kept: Notice[] = []
    replica.network.waysOf = (notice) => {
      if (notice.kind === 'granted') kept.push(notice)
      return notice.kind === 'granted' ? [] : [0]
    }
    const waiter = await wait('a', { ttlMs: 2_000 })
    await world.release('other')
    // the lease of `a` expires before the heartbeat that would find it, and somebody else is quicker
    await world.clock.advance(2_500)
    await world.hold('another')
    await world.clock.advance(1_000)
    expect(replica.network.counts).toMatchObject({ acquire: 2 })
    expect(await world.inspect()).toMatchObject({ waiting: 1, used: 1 })
    replica.network.waysOf = () => [0]
    for (const notice of kept) replica.network.tell(notice)
    await settled()
    expect(waiter.kind).toBeUndefined()
    expect(await world.inspect()).toMatchObject({ waiting: 1, used: 1 })
  })

  it('one of an earlier lease that comes after the one of now, before the reply, does not hide it', async () => {
    const kept: Notice[] = []
    replica.network.waysOf = (notice) => {
      kept.push(notice)
      return []
    }
    const waiter = await wait('a', { ttlMs: 2_000 })
    await world.release('other')
    await world.clock.advance(2_500)
    await world.hold('another', 3_600_000)
    const reply = gate()
    only('acquire', { backUntil: reply.opened })
    await world.clock.advance(1_000)
    await world.release('another')
    await settled()
    replica.network.waysOf = () => [0]
    for (const notice of kept.filter(({ kind }) => kind === 'granted').reverse()) replica.network.tell(notice)
    reply.open()
    await settled()
    expect(waiter.kind).toBe('granted')
    expect(replica.network.counts).toMatchObject({ acquire: 2 })
  })

  it('one for a number that nobody has, of a semaphore that nobody waits for, or that never was, is ignored', async () => {
    await wait('a')
    const lease: GrantedLease = { permits: 1, fence: 1, ttlMs: 1, grantedAtMs: 0, deadlineMs: 1, expiresInMs: 1 }
    for (const semaphore of ['s', 'elsewhere']) {
      replica.network.tell({ kind: 'granted', semaphore, leaseId: 'x', numbers: [77], lease })
      replica.network.tell({ kind: 'cancelled', semaphore, leaseId: 'x', numbers: [77] })
      replica.network.tell({ kind: 'deadline', semaphore, inMs: 60_000 })
    }
    replica.network.tell({ kind: 'check', semaphore: 'elsewhere' })
    await settled()
    expect(replica.engine.waiting).toBe(1)
    expect(replica.network.counts).toEqual({ listen: 1, acquire: 1 })
  })

  it('several attempts of one id at one replica are all told', async () => {
    const waiters = [await wait('a'), await wait('a')]
    await world.release('other')
    await settled()
    const fences = waiters.map(({ outcome }) => (outcome?.kind === 'granted' ? outcome.lease.fence : 0))
    expect(fences[0]).toBeGreaterThan(0)
    expect(fences[1]).toBe(fences[0])
  })

  it('a replica that cannot listen still waits, hears by heartbeat, and goes on trying to listen', async () => {
    const deaf = world.replica()
    deaf.network.fateOf = (operation) => (operation === 'listen' ? { fault: 'never sent' } : {})
    const waiter = watch(deaf.engine.acquire(request('a', { waitMs: 20_000 })))
    await world.clock.advance(2_000)
    expect(deaf.engine.waiting).toBe(1)
    await world.release('other')
    await world.clock.advance(1_000)
    expect(waiter.kind).toBe('granted')
    deaf.network.fateOf = () => ({})
    await world.clock.advance(1_000)
    const next = watch(deaf.engine.acquire(request('b', { waitMs: 20_000 })))
    await settled()
    await world.release('a')
    await settled()
    expect(next.kind).toBe('granted')
  })

  it('a replica whose listening takes for ever waits a second for it and no longer', async () => {
    const deaf = world.replica()
    const listening = gate()
    deaf.network.fateOf = (operation) => (operation === 'listen' ? { until: listening.opened } : {})
    const waiter = watch(deaf.engine.acquire(request('a', { waitMs: 20_000 })))
    await world.clock.advance(999)
    expect(deaf.network.counts).toEqual({ listen: 1 })
    await world.clock.advance(1)
    expect(deaf.network.counts).toEqual({ listen: 1, acquire: 1 })
    await world.release('other')
    await settled()
    expect(waiter.kind).toBeUndefined()
    // from now on it hears; what it missed it asks for at once
    listening.open()
    await settled()
    expect(waiter.kind).toBe('granted')
    expect(deaf.network.counts).toMatchObject({ listen: 1 })
  })
})
