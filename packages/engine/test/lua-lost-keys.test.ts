import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireArgs, leaseIds } from './acquire-args.js'
import { createScriptTable } from './script-table.js'
import type { ScriptTable } from './script-table.js'

const [a, b, c, d, e] = leaseIds

// What an eviction does: a whole key goes, whoever needs it. Two permits of three are held by two leases, and a big request waits for all.
describe('a semaphore that lost', () => {
  let table: ScriptTable
  const acquire = (args: Parameters<typeof acquireArgs>[0]) => table.call('acquire', acquireArgs(args))
  const release = (leaseId: string) => table.call('release', { leaseId, retire: false })
  const lose = async (...keys: readonly string[]): Promise<void> => {
    await table.redis.del(...keys.map((key) => `${table.keyPrefix}{${table.semaphore}}:${key}`))
  }
  /** Entries by key; a key that is not there has none. */
  const sizes = async (): Promise<Record<string, number>> => {
    const found = await table.snapshot()
    return Object.fromEntries(
      ['deadlines', 'leases', 'queue', 'waiters'].map((key) => [key, Object.keys(found[key] ?? {}).length]),
    )
  }

  const everyKeyEnds = async (): Promise<void> => {
    for (const [key, ttlMs] of Object.entries(await table.ttls())) expect([key, ttlMs > 0]).toEqual([key, true])
  }

  beforeEach(async () => {
    table = createScriptTable()
    await acquire({ leaseId: a, createLimit: 3, ttlMs: 1_000 })
    await acquire({ leaseId: b, ttlMs: 2_000 })
    await acquire({ leaseId: c, permits: 3, enqueue: true, attachment: 'r1.3' })
  })
  afterEach(() => table.close())

  const halves = [
    ['its deadlines', ['deadlines']],
    ['its leases', ['leases']],
    ['both', ['deadlines', 'leases']],
  ] as const

  it.each(halves)('%s has no permit in use, and goes on', async (_, keys) => {
    await lose(...keys)
    expect(await table.call('inspect', {})).toMatchObject({ kind: 'state', used: 3, waiting: 0 })
    expect(await release(a)).toMatchObject({ kind: 'lease_not_held' })
    expect(await release(c)).toMatchObject({ kind: 'released', permits: 3 })
    expect(await table.call('inspect', {})).toMatchObject({ used: 0 })
    expect(await sizes()).toEqual({ deadlines: 0, leases: 0, queue: 0, waiters: 0 })
  })

  it.each(halves)('%s while nobody waits keeps the leases made since', async (_, keys) => {
    await acquire({ leaseId: c, permits: 3 })
    await lose(...keys)
    expect(await acquire({ leaseId: d, ttlMs: 5_000 })).toMatchObject({ kind: 'granted' })
    table.clock.advance(2_000)
    expect(await table.call('inspect', {})).toMatchObject({ used: 1 })
    expect(await acquire({ leaseId: a, permits: 3 })).toMatchObject({ kind: 'busy', used: 1 })
    expect(await acquire({ leaseId: a, permits: 2 })).toMatchObject({ kind: 'granted' })
    expect(await sizes()).toMatchObject({ deadlines: 2, leases: 2 })
    await everyKeyEnds()
  })

  it('half of one entry loses the other half too, and no more', async () => {
    await table.redis.zrem(`${table.keyPrefix}{${table.semaphore}}:deadlines`, a)
    expect(await table.call('inspect', {})).toMatchObject({ used: 1, waiting: 1 })
    expect(await sizes()).toEqual({ deadlines: 1, leases: 1, queue: 1, waiters: 1 })
    expect(await release(b)).toMatchObject({ kind: 'released' })
    expect(await table.call('inspect', {})).toMatchObject({ used: 3, waiting: 0 })
  })

  it.each([
    ['its queue', ['queue']],
    ['its waiters', ['waiters']],
    ['both', ['queue', 'waiters']],
  ] as const)('%s has nobody waiting, and who comes now is first', async (_, keys) => {
    await lose(...keys)
    expect(await acquire({ leaseId: d, permits: 2, enqueue: true, attachment: 'r1.4' })).toMatchObject({ position: 1 })
    expect(await acquire({ leaseId: c, permits: 3, enqueue: true, attachment: 'r1.5' })).toMatchObject({ position: 2 })
    await everyKeyEnds()
    expect(await release(a)).toMatchObject({ kind: 'released' })
    expect(await table.call('inspect', {})).toMatchObject({ used: 3, waiting: 1 })
    expect(await sizes()).toEqual({ deadlines: 2, leases: 2, queue: 1, waiters: 1 })
  })

  it.each(['deadlines', 'leases', 'queue', 'waiters', 'replicas'])(
    'its %s answers all of a turn: some that come for the first time, and one that comes again',
    async (key) => {
      for (const leaseId of [a, b]) await release(leaseId)
      await acquire({ leaseId: d, permits: 3, enqueue: true, attachment: 'r1.4' })
      await acquire({ leaseId: e, permits: 3, enqueue: true, attachment: 'r1.5' })
      await lose(key)
      await release(c)
      const ask = (leaseId: string, number: number) =>
        acquire({ leaseId, permits: 3, enqueue: true, attachment: `r1.${number}` })
      const replies = await Promise.all([ask(b, 6), ask(d, 7), ask(e, 8)])
      for (const { kind } of replies) expect(['granted', 'held', 'queued']).toContain(kind)
      expect(await table.call('inspect', {})).toMatchObject({ used: 3, waiting: 2 })
      expect(await sizes()).toEqual({ deadlines: 1, leases: 1, queue: 2, waiters: 2 })
      expect((await table.snapshot())['state']).toMatchObject({ used: '3' })
    },
  )

  it('its waiters tells those who wait to ask again', async () => {
    const heard = await table.listen('r1')
    await lose('waiters')
    expect(await table.call('inspect', {})).toMatchObject({ used: 2, waiting: 0 })
    await expect.poll(() => heard).toEqual(['check s'])
    expect(Object.keys(await table.snapshot()).sort()).toEqual(['deadlines', 'leases', 'state'])
  })

  it.each(['deadlines', 'leases', 'queue', 'waiters', 'replicas'])(
    'its %s is shown, listed, steered and removed as any other',
    async (key) => {
      await lose(key)
      const page = { afterDeadlineMs: 0, afterFence: 0, pageSize: 10 }
      expect(await table.call('listLeases', page)).toMatchObject({ kind: 'page' })
      expect(await table.call('listWaiters', { afterArrival: 0, pageSize: 10 })).toMatchObject({ kind: 'page' })
      expect(await table.call('reap', {})).toMatchObject({ kind: 'reaped' })
      expect(await table.call('heartbeat', { replica: 'r1', openCount: 1, open: [c, '3'] })).toMatchObject({
        kind: 'alive',
      })
      await table.call('cancel', { leaseId: c, attachment: 'r1.3', unlessHeld: false })
      await table.call('renew', { leaseId: b, ttlMs: 2_000 })
      await table.call('revoke', { leaseId: b, fence: 1 })
      expect(await table.call('configure', { limit: 2, bounded: '' })).toMatchObject({ kind: 'configured' })
      expect(await table.call('remove', { force: true })).toEqual({ kind: 'removed' })
    },
  )
})
