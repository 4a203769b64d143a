import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { settled } from './room/virtual-clock.js'
import { createWorld, gate, request, type TestReplica, watch, type World } from './room/world.js'

describe('a replica that stops', () => {
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

  it('sends its waiters elsewhere and keeps their places, also when their connections close', async () => {
    const attempts = ['a', 'b'].map((id) => replica.engine.acquire(request(id, { waitMs: 24_000 })))
    await settled()
    replica.engine.stop()
    replica.engine.stop()
    for (const attempt of attempts) {
      expect(await attempt.outcome).toEqual({ kind: 'shutting_down' })
      attempt.close()
    }
    await settled()
    expect(replica.engine.waiting).toBe(0)
    expect(world.clock.timers).toBe(0)
    expect(replica.network.counts).toEqual({ listen: 1, acquire: 2 })
    expect(await world.inspect()).toMatchObject({ waiting: 2 })
    const next = world.replica()
    const again = watch(next.engine.acquire(request('b', { waitMs: 24_000 })))
    const first = watch(next.engine.acquire(request('a', { waitMs: 24_000 })))
    await world.clock.advance(9_000)
    await world.release('other')
    await settled()
    expect([first.kind, again.kind]).toEqual(['granted', undefined])
  })

  it('beats no more, so that a place nobody came back for is dropped after the grace', async () => {
    replica.engine.acquire(request('a', { waitMs: 24_000 }))
    await settled()
    replica.engine.stop()
    const heir = watch(world.replica().engine.acquire(request('b', { waitMs: 24_000 })))
    await world.clock.advance(9_900)
    await world.release('other')
    await settled()
    // until then it is a waiter like any other, and is granted in its turn
    expect(heir.kind).toBeUndefined()
    await world.release('a')
    await settled()
    expect(heir.kind).toBe('granted')
  })

  it('takes no new request, whatever it asks', async () => {
    replica.engine.stop()
    expect(await replica.engine.acquire(request('a', { waitMs: 5_000 })).outcome).toEqual({ kind: 'shutting_down' })
    expect(await replica.engine.acquire(request('a')).outcome).toEqual({ kind: 'shutting_down' })
    expect(replica.network.counts).toEqual({})
  })

  it('goes on with other calls', async () => {
    replica.engine.stop()
    expect(await replica.engine.release({ semaphore: 's', leaseId: 'other', retire: false })).toMatchObject({
      kind: 'released',
    })
    expect(await replica.engine.inspect({ semaphore: 's' })).toMatchObject({ state: { used: 0 } })
  })

  it('answers an acquire under way with what its reply says', async () => {
    replica.network.fateOf = (operation) => (operation === 'acquire' ? { backMs: 500 } : {})
    const queued = watch(replica.engine.acquire(request('a', { waitMs: 24_000 })))
    const busy = watch(replica.engine.acquire(request('b')))
    const repeat = watch(replica.engine.acquire(request('other', { waitMs: 24_000 })))
    await settled()
    replica.engine.stop()
    await world.clock.advance(500)
    expect([queued.kind, busy.kind, repeat.kind]).toEqual(['shutting_down', 'permits_unavailable', 'granted'])
    expect(await world.inspect()).toMatchObject({ waiting: 1 })
    expect(world.clock.timers).toBe(0)
  })

  it('the replies still to come wake nothing up, one after the other', async () => {
    replica.network.fateOf = (operation, call) => {
      const isFirst = JSON.stringify(call).includes('"a"')
      return operation === 'acquire' ? { backMs: isFirst ? 1_000 : 8_000 } : {}
    }
    const waiters = ['a', 'b'].map((id) => watch(replica.engine.acquire(request(id, { waitMs: 24_000 }))))
    await settled()
    replica.engine.stop()
    await world.clock.advance(1_000)
    replica.network.tell({ kind: 'deadline', semaphore: 's', inMs: 100 })
    await world.clock.advance(8_000)
    expect(waiters.map(({ kind }) => kind)).toEqual(['shutting_down', 'shutting_down'])
    expect(replica.network.counts).toEqual({ listen: 1, acquire: 2 })
  })

  it('beats no more, even while the reply of an acquire is still to come', async () => {
    replica.engine.acquire(request('a', { waitMs: 24_000 }))
    await settled()
    replica.network.fateOf = (operation) => (operation === 'acquire' ? { backMs: 8_000 } : {})
    replica.engine.acquire(request('b', { waitMs: 24_000 }))
    await settled()
    replica.engine.stop()
    await world.clock.advance(10_000)
    expect(replica.network.counts).toEqual({ listen: 1, acquire: 2 })
  })

  it('gives back what is granted but not delivered when that closes', async () => {
    await world.release('other')
    const attempt = replica.engine.acquire(request('a', { waitMs: 24_000 }))
    await attempt.outcome
    replica.engine.stop()
    attempt.close()
    await settled()
    expect(await world.inspect()).toMatchObject({ used: 0 })
  })

  it('in the middle of a re-run, of an end, or of the grace of a parked place: none is ended', async () => {
    const parked = replica.engine.acquire(request('parked', { waitMs: 60_000 }))
    await world.clock.advance(25_000)
    expect(await parked.outcome).toMatchObject({ kind: 'still_waiting' })
    const reply = gate()
    replica.network.fateOf = () => ({ until: reply.opened })
    const asking = watch(replica.engine.acquire(request('asking', { waitMs: 24_000 })))
    await settled()
    replica.engine.stop()
    reply.open()
    await world.clock.advance(5_000)
    expect(asking.kind).toBe('shutting_down')
    expect(await world.inspect()).toMatchObject({ waiting: 2 })
    expect(replica.network.counts).not.toHaveProperty('end')
  })

  it('close stops, tries what is to be ended once more, stops listening, and leaves the store open', async () => {
    await world.release('other')
    const attempt = replica.engine.acquire(request('a', { waitMs: 24_000 }))
    await attempt.outcome
    replica.network.fateOf = (operation) => (operation === 'end' ? { fault: 'never sent' } : {})
    attempt.close()
    await settled()
    replica.network.fateOf = () => ({})
    await replica.engine.close()
    await replica.engine.close()
    expect(await world.inspect()).toMatchObject({ used: 0 })
    expect(world.clock.timers).toBe(0)
  })

  it('close while it is still trying to listen ends that, too', async () => {
    const late = world.replica()
    const listening = gate()
    late.network.fateOf = (operation) => (operation === 'listen' ? { until: listening.opened } : {})
    const attempt = watch(late.engine.acquire(request('a', { waitMs: 24_000 })))
    await settled()
    const closing = late.engine.close()
    await settled()
    expect(attempt.kind).toBe('shutting_down')
    listening.open()
    await closing
    expect(world.clock.timers).toBe(0)
  })
})
