import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Fate, Operation } from './room/faulty-store.js'
import { settled } from './room/virtual-clock.js'
import { createWorld, gate, request, type TestReplica, watch, type World } from './room/world.js'

describe('a request that is closed, or whose reply is lost', () => {
  let world: World
  let replica: TestReplica

  beforeEach(() => {
    world = createWorld()
    replica = world.replica()
  })
  afterEach(async () => {
    await world.close()
  })

  function only(operation: Operation, fate: Fate): void {
    replica.network.fateOf = (asked) => (asked === operation ? fate : {})
  }

  it('granted and closed before it was delivered: the permit goes back', async () => {
    const attempt = replica.engine.acquire(request('a'))
    expect(await attempt.outcome).toMatchObject({ kind: 'granted' })
    attempt.close()
    attempt.close()
    await settled()
    expect(await world.inspect()).toMatchObject({ used: 0 })
    expect(replica.network.counts).toEqual({ acquire: 1, end: 1 })
  })

  it('delivered and closed: nothing', async () => {
    const attempt = replica.engine.acquire(request('a'))
    await attempt.outcome
    attempt.delivered()
    attempt.close()
    await world.clock.advance(60_000)
    expect(await world.inspect()).toMatchObject({ used: 1 })
    expect(replica.network.counts).toEqual({ acquire: 1 })
  })

  it('closed while its acquire is on its way: the place that comes of it wakes nobody', async () => {
    await world.hold('other', 1_000)
    only('acquire', { backMs: 100 })
    const attempt = replica.engine.acquire(request('a', { waitMs: 20_000 }))
    await settled()
    attempt.close()
    await world.clock.advance(10_000)
    expect(await world.inspect()).toMatchObject({ used: 0, waiting: 0 })
    expect(replica.network.counts).toEqual({ listen: 1, acquire: 1, end: 1 })
  })

  it('closed while it waits: it leaves at once, and those behind it move up', async () => {
    await world.hold('other', 3_600_000, 2)
    const big = replica.engine.acquire(request('a', { waitMs: 20_000, permits: 2 }))
    const small = watch(replica.engine.acquire(request('b', { waitMs: 20_000 })))
    await settled()
    expect(small.kind).toBeUndefined()
    big.close()
    await settled()
    expect(await big.outcome).toEqual({ kind: 'closed' })
    expect(small.kind).toBe('granted')
  })

  it('granted out of the queue and closed before it was delivered: the permit goes to the next', async () => {
    await world.hold('other')
    const first = replica.engine.acquire(request('a', { waitMs: 20_000 }))
    const second = watch(world.replica().engine.acquire(request('b', { waitMs: 20_000 })))
    await settled()
    await world.release('other')
    expect(await first.outcome).toMatchObject({ kind: 'granted' })
    first.close()
    await settled()
    expect(second.kind).toBe('granted')
  })

  it('closed before anything was sent: nothing is sent', async () => {
    const listening = gate()
    only('listen', { until: listening.opened })
    const attempt = replica.engine.acquire(request('a', { waitMs: 20_000 }))
    attempt.close()
    expect(await attempt.outcome).toEqual({ kind: 'closed' })
    listening.open()
    await settled()
    expect(replica.network.counts).toEqual({ listen: 1 })
  })

  it.each([
    ['granted', false],
    ['queued', true],
  ])('closed while its acquire is on its way: the end follows the reply that %s', async (_word, isBusy) => {
    if (isBusy) await world.hold('other')
    only('acquire', { thereMs: 500, backMs: 500 })
    const attempt = replica.engine.acquire(request('a', { waitMs: 20_000 }))
    await world.clock.advance(100)
    attempt.close()
    expect(await attempt.outcome).toEqual({ kind: 'closed' })
    await world.clock.advance(500)
    expect(replica.network.counts).not.toHaveProperty('end')
    await world.clock.advance(500)
    expect(await world.inspect()).toMatchObject({ used: isBusy ? 1 : 0, waiting: 0 })
  })

  it('closed while the end of its wait is on its way: a grant that races both goes back', async () => {
    await world.hold('other')
    only('end', { thereMs: 500 })
    replica.network.waysOf = () => []
    const attempt = replica.engine.acquire(request('a', { waitMs: 1_000 }))
    await world.clock.advance(1_100)
    await world.store.release({ semaphore: 's', leaseId: 'other', retire: false })
    attempt.close()
    await world.clock.advance(1_000)
    expect(await world.inspect()).toMatchObject({ used: 0, waiting: 0 })
  })

  it.each(['granted', 'queued'])(
    'a lost reply that %s is down for the caller, and nothing is left behind',
    async (word) => {
      await world.hold('other')
      if (word === 'granted') await world.release('other')
      only('acquire', { fault: 'reply lost' })
      const attempt = replica.engine.acquire(request('a', { waitMs: 20_000 }))
      await expect(attempt.outcome).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
      await settled()
      expect(await world.inspect()).toMatchObject({ used: word === 'granted' ? 0 : 1, waiting: 0 })
      expect(replica.engine.waiting).toBe(0)
    },
  )

  it('closed while its acquire is on its way, whose reply is then lost: nothing is left behind', async () => {
    await world.hold('other')
    only('acquire', { backMs: 500, fault: 'reply lost' })
    const attempt = replica.engine.acquire(request('a', { waitMs: 20_000 }))
    await world.clock.advance(100)
    attempt.close()
    await world.clock.advance(500)
    expect(await world.inspect()).toMatchObject({ used: 1, waiting: 0 })
  })

  it('a run-again that reaches the store after the wait was over is ended a second time', async () => {
    await world.hold('other')
    const waiter = watch(replica.engine.acquire(request('a', { waitMs: 4_000 })))
    await settled()
    replica.network.waysOf = () => []
    await world.store.remove({ semaphore: 's', force: true })
    await world.hold('other')
    only('acquire', { fault: 'too late', thereMs: 3_000 })
    await world.clock.advance(4_000)
    expect(waiter.kind).toBe('acquire_timeout')
    await world.clock.advance(2_000)
    expect(await world.inspect()).toMatchObject({ waiting: 1 })
    await world.clock.advance(8_000)
    expect(await world.inspect()).toMatchObject({ waiting: 0 })
    expect(replica.network.counts).toMatchObject({ end: 3 })
  })

  it('a lost reply while the store stays away: the end is sent again until it is answered', async () => {
    await world.hold('other')
    await world.release('other')
    replica.network.fateOf = (operation) => ({ fault: operation === 'acquire' ? 'reply lost' : 'never sent' })
    const attempt = replica.engine.acquire(request('a'))
    await expect(attempt.outcome).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await world.clock.advance(30_000)
    expect(await world.inspect()).toMatchObject({ used: 1 })
    // 0.1, 0.2, 0.4 ... then every 3 s: patient, not deaf
    expect(replica.network.counts.end).toBeLessThan(20)
    replica.network.fateOf = () => ({})
    await world.clock.advance(3_000)
    expect(await world.inspect()).toMatchObject({ used: 0 })
    const sent = replica.network.counts.end
    await world.clock.advance(60_000)
    expect(replica.network.counts.end).toBe(sent)
  })

  it('an acquire that reaches the store after its end is ended a second time', async () => {
    await world.hold('other')
    await world.release('other')
    only('acquire', { fault: 'too late', thereMs: 3_000 })
    const attempt = replica.engine.acquire(request('a'))
    await expect(attempt.outcome).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await world.clock.advance(4_000)
    expect(await world.inspect()).toMatchObject({ used: 1 })
    await world.clock.advance(6_000)
    expect(await world.inspect()).toMatchObject({ used: 0 })
  })

  it('what is to be ended is sent before the heartbeat that would keep it alive', async () => {
    await world.hold('other')
    const stays = replica.engine.acquire(request('a', { waitMs: 24_000 }))
    const leaves = replica.engine.acquire(request('b', { waitMs: 24_000 }))
    await world.clock.advance(2_950)
    only('end', { fault: 'never sent' })
    leaves.close()
    await settled()
    replica.network.fateOf = () => ({})
    replica.network.sent.length = 0
    await world.clock.advance(50)
    expect(replica.network.sent.map(({ operation }) => operation)).toEqual(['end', 'heartbeat'])
    expect(await world.inspect()).toMatchObject({ waiting: 1 })
    stays.close()
  })

  it('what is to be ended is sent at once when the store is back', async () => {
    const attempt = replica.engine.acquire(request('a'))
    await attempt.outcome
    const waiter = replica.engine.acquire(request('b', { waitMs: 24_000, semaphore: 'another' }))
    expect((await waiter.outcome).kind).toBe('granted')
    only('end', { fault: 'never sent' })
    attempt.close()
    await world.clock.advance(20_000)
    replica.network.fateOf = () => ({})
    replica.network.tell({ kind: 'gap' })
    await world.clock.advance(1)
    expect(await world.inspect()).toMatchObject({ used: 0 })
  })

  it('a closed request whose first attempts are answered late does not touch a newer attempt', async () => {
    await world.hold('other')
    const old = replica.engine.acquire(request('a', { waitMs: 20_000 }))
    await settled()
    only('end', { thereMs: 5_000 })
    old.close()
    const attempt = world.replica().engine.acquire(request('a', { waitMs: 20_000 }))
    const newer = watch(attempt)
    await settled()
    await world.release('other')
    await settled()
    expect(newer.kind).toBe('granted')
    attempt.delivered()
    await world.clock.advance(10_000)
    expect(await world.inspect()).toMatchObject({ used: 1 })
  })

  it('remembers no more ends than it may', async () => {
    only('end', { fault: 'never sent' })
    await world.store.configure({ semaphore: 's', limit: 20_000, bounded: null })
    const attempts = Array.from({ length: 10_050 }, (_, index) => replica.engine.acquire(request(`id-${index}`)))
    await Promise.all(attempts.map(({ outcome }) => outcome))
    for (const attempt of attempts) attempt.close()
    await settled()
    replica.network.fateOf = () => ({})
    await world.clock.advance(3_000)
    expect(await world.inspect()).toMatchObject({ used: 50 })
  })
})
