import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireArgs, leaseIds } from './acquire-args.js'
import { createScriptTable } from './script-table.js'
import type { ScriptTable } from './script-table.js'

const [a, b, c, d, e] = leaseIds
const batchMax = 2

// Five leases of one permit end at once, and a script takes out two.
describe('leases that are over but behind the batch', () => {
  let table: ScriptTable
  const acquire = (args: Parameters<typeof acquireArgs>[0]) => table.call('acquire', acquireArgs({ batchMax, ...args }))
  const inspect = () => table.call('inspect', { batchMax })
  const stored = async (): Promise<unknown> => (await table.snapshot())['state']

  beforeEach(async () => {
    table = createScriptTable()
    for (const leaseId of [a, b, c, d, e]) await acquire({ leaseId, createLimit: 6, ttlMs: 100 })
  })
  afterEach(() => table.close())

  it('give all their permits back at once, and go batch by batch', async () => {
    table.clock.advance(100)
    expect(await acquire({ leaseId: 'all', permits: 6, ttlMs: 700 })).toMatchObject({ kind: 'granted' })
    expect(table.expired).toBe(2)
    expect(await stored()).toMatchObject({ used: '9' })
    expect(await inspect()).toMatchObject({ kind: 'state', used: 6 })
    expect(table.expired).toBe(4)
    expect(await inspect()).toMatchObject({ kind: 'state', used: 6 })
    expect(table.expired).toBe(5)
    expect(await stored()).toMatchObject({ used: '6' })
    expect(Object.keys((await table.snapshot())['deadlines'] ?? {})).toEqual(['all'])
  })

  it('let the queue move on in the same script', async () => {
    await acquire({ leaseId: 'f', ttlMs: 700 })
    await acquire({ leaseId: 'first', permits: 4, ttlMs: 800, enqueue: true })
    await acquire({ leaseId: 'second', permits: 2, ttlMs: 900, enqueue: true })
    table.clock.advance(100)
    expect(await inspect()).toMatchObject({ used: 5, waiting: 1 })
    expect(table.expired).toBe(2)
    expect(await table.call('release', { leaseId: 'f', retire: false, batchMax })).toMatchObject({ kind: 'released' })
    expect(await inspect()).toMatchObject({ used: 6, waiting: 0 })
    expect(table.expired).toBe(5)
  })

  it('are no reason to try again: the first that is not over is', async () => {
    await acquire({ leaseId: 'f', ttlMs: 700 })
    table.clock.advance(100)
    expect(await acquire({ leaseId: 'big', permits: 6 })).toEqual({
      kind: 'busy',
      limit: 6,
      used: 1,
      waiting: 0,
      nearestInMs: 600,
    })
    expect(await acquire({ leaseId: 'big', permits: 6, enqueue: true })).toMatchObject({ nearestInMs: 600 })
  })

  it('are reaped to the end', async () => {
    table.clock.advance(100)
    const reap = () => table.call('reap', { batchMax })
    expect(await reap()).toEqual({ kind: 'reaped', nearestInMs: 0 })
    expect(await reap()).toEqual({ kind: 'reaped', nearestInMs: 0 })
    expect(await reap()).toEqual({ kind: 'reaped', nearestInMs: null })
    expect(table.expired).toBe(5)
    expect(await stored()).toMatchObject({ used: '0' })
  })

  it.each([
    { living: [1, 1, 1], expired: 2, why: 'one permit each' },
    { living: [2, 1], expired: 2, why: 'no more than a batch' },
    { living: [2, 1, 1], expired: 5, why: 'more than a script may read' },
  ])('are worked off first only when the permits of the living cannot be told: $why', async ({ living, expired }) => {
    await table.call('configure', { limit: 9, bounded: '' })
    for (const [nth, permits] of living.entries()) await acquire({ leaseId: `live ${String(nth)}`, permits })
    table.clock.advance(100)
    const sum = living.reduce((used, permits) => used + permits, 0)
    expect(await inspect()).toMatchObject({ used: sum })
    expect(table.expired).toBe(expired)
    expect(await acquire({ leaseId: 'rest', permits: 9 - sum })).toMatchObject({ kind: 'granted' })
  })

  it('are none when they are just a batch', async () => {
    for (const leaseId of [a, b, c]) await table.call('release', { leaseId, retire: false })
    for (const nth of [1, 2, 3]) await acquire({ leaseId: `live ${String(nth)}`, permits: nth === 1 ? 2 : 1 })
    table.clock.advance(100)
    expect(await table.call('reap', { batchMax })).toEqual({ kind: 'reaped', nearestInMs: 29_900 })
    expect(table.expired).toBe(2)
  })

  it('are not listed', async () => {
    table.clock.advance(100)
    const page = { afterDeadlineMs: 0, afterFence: 0, pageSize: 10, batchMax }
    expect(await table.call('listLeases', page)).toEqual({ kind: 'page', more: false, items: [] })
  })

  it('do not stand in the way of a removal', async () => {
    table.clock.advance(100)
    expect(await table.call('remove', { force: false, batchMax })).toEqual({ kind: 'removed' })
    expect(await table.snapshot()).toEqual({})
  })

  it('are counted anew when a later call of the turn settles once more', async () => {
    await acquire({ leaseId: 'f', ttlMs: 700 })
    table.clock.advance(100)
    const release = (leaseId: string) => table.call('release', { leaseId, retire: false, batchMax })
    expect(await Promise.all([release('f'), release('f')])).toMatchObject([
      { kind: 'released' },
      { kind: 'lease_not_held' },
    ])
    expect(table.expired).toBe(2)
    expect(await stored()).toMatchObject({ used: '3' })
    expect(await inspect()).toMatchObject({ used: 0 })
  })
})
