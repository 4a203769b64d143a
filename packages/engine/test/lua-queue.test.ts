import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { acquireArgs, leaseIds } from './acquire-args.js'
import { createScriptTable } from './script-table.js'
import type { ScriptTable } from './script-table.js'

const [a, b, c, d, e] = leaseIds

let table: ScriptTable
const acquire = (args: Parameters<typeof acquireArgs>[0]) => table.call('acquire', acquireArgs(args))
const queue = (args: Parameters<typeof acquireArgs>[0]) => acquire({ enqueue: true, ...args })
const release = (leaseId: string) => table.call('release', { leaseId, retire: false })
const cancel = (leaseId: string, attachment: string, unlessHeld = false) =>
  table.call('cancel', { leaseId, attachment, unlessHeld })
const beat = (replica: string, ...open: string[]) =>
  table.call('heartbeat', { replica, openCount: open.length / 2, open })
const held = async (): Promise<string[]> => Object.keys((await table.snapshot())['leases'] ?? {}).sort()
const waiting = async (): Promise<string[]> => Object.keys((await table.snapshot())['queue'] ?? {})
beforeEach(() => {
  table = createScriptTable()
})
afterEach(() => table.close())

describe('the queue', () => {
  it('serves in the order of arrival, within one ms and when the clock steps back', async () => {
    await acquire({ leaseId: e, createLimit: 1 })
    expect(await queue({ leaseId: d })).toMatchObject({ kind: 'queued', position: 1 })
    expect(await queue({ leaseId: a })).toMatchObject({ kind: 'queued', position: 2 })
    table.clock.advance(-3_000)
    expect(await queue({ leaseId: b })).toMatchObject({ kind: 'queued', position: 3 })
    const order = []
    for (let holder: string = e; (await waiting()).length > 0;) {
      await release(holder)
      holder = (await held())[0] ?? ''
      order.push(holder)
    }
    expect(order).toEqual([d, a, b])
  })

  it('lets no newcomer and no small request past the head, not even with permits free', async () => {
    await acquire({ leaseId: a, createLimit: 3 })
    await queue({ leaseId: b, permits: 3 })
    expect(await acquire({ leaseId: c })).toMatchObject({ kind: 'busy', used: 1, waiting: 1 })
    expect(await queue({ leaseId: d })).toMatchObject({ position: 2 })
    await release(a)
    expect(await held()).toEqual([b])
    await release(b)
    expect(await held()).toEqual([d])
  })

  it('grants the whole ttl, passes the attachments on and tells each of their replicas', async () => {
    const [one, two] = [await table.listen('r1'), await table.listen('r2')]
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 20_000 })
    await queue({ leaseId: b, ttlMs: 700, attachment: 'r1.3', holder: 'first' })
    await queue({ leaseId: b, ttlMs: 999, attachment: 'r1.4', holder: 'second' })
    await queue({ leaseId: b, attachment: 'r2.1' })
    table.clock.advance(250)
    await release(a)
    const { nowMs, nowUs } = table.clock
    const told = (numbers: string) =>
      `granted s ${b} ${numbers} 1 ${String(nowUs)} 700 ${String(nowMs)} ${String(nowMs + 700)}`
    await vi.waitFor(() => {
      expect([one, two]).toEqual([[told('3,4')], [told('1')]])
    })
    expect(await table.snapshot()).toMatchObject({
      leases: { [b]: `1 ${String(nowUs)} 700 ${String(nowMs)} r1.3,r1.4,r2.1 first` },
    })
    expect(Object.keys(await table.snapshot())).toEqual(['deadlines', 'leases', 'state'])
  })

  it('is left by an acquire that will not wait, without a memory of the id, and the next one fits', async () => {
    const heard = await table.listen('r2')
    await acquire({ leaseId: a, createLimit: 3, permits: 2 })
    await queue({ leaseId: b, permits: 3, attachment: 'r2.5' })
    await queue({ leaseId: c })
    expect(await acquire({ leaseId: b, permits: 3, attachment: 'r1.9' })).toMatchObject({ kind: 'busy', waiting: 0 })
    expect(await held()).toEqual([a, c])
    await vi.waitFor(() => {
      expect(heard).toEqual([`cancelled s ${b} 5`])
    })
    expect(await queue({ leaseId: b, permits: 3 })).toMatchObject({ kind: 'queued' })
  })

  it('takes an attachment once, however often it asks', async () => {
    await acquire({ leaseId: a, createLimit: 1 })
    const { nowMs } = table.clock
    for (let i = 0; i < 3; i += 1) await queue({ leaseId: b, ttlMs: 700, attachment: 'r1.1' })
    expect((await table.snapshot())['waiters']).toEqual({ [b]: `1 700 ${nowMs} r1.1 ` })
  })

  it('keeps a place for the permits it was asked for with', async () => {
    await acquire({ leaseId: a, createLimit: 3, permits: 3 })
    await queue({ leaseId: b, permits: 2, attachment: 'r1.1' })
    const before = await table.snapshot()
    expect(await queue({ leaseId: b, permits: 1, attachment: 'r1.2' })).toEqual({
      kind: 'lease_id_conflict',
      permits: 2,
    })
    expect(await table.snapshot()).toEqual(before)
  })

  it('is left by a release, which always remembers the id and lets the next one through', async () => {
    await acquire({ leaseId: a, createLimit: 2 })
    await queue({ leaseId: b, permits: 2 })
    await queue({ leaseId: c })
    expect(await release(b)).toEqual({ kind: 'cancelled', permits: 2 })
    expect(await held()).toEqual([a, c])
    expect(await queue({ leaseId: b })).toEqual({ kind: 'wait_cancelled' })
  })

  it('moves on when a lease ends by its deadline, a thousand at a time and no more', async () => {
    await acquire({ leaseId: a, createLimit: 3, permits: 3, ttlMs: 100 })
    for (const leaseId of [b, c, d]) await queue({ leaseId })
    table.clock.advance(100)
    const beat = await table.call('heartbeat', { replica: 'r1', openCount: 0, open: [], batchMax: 1 })
    expect(beat).toMatchObject({ nearestInMs: 0 })
    expect(await held()).toEqual([b])
    expect(await table.call('reap', { batchMax: 1 })).toEqual({ kind: 'reaped', nearestInMs: 0 })
    expect(await held()).toEqual([b, c])
    expect(await table.call('reap', { batchMax: 2 })).toEqual({ kind: 'reaped', nearestInMs: 30_000 })
    expect(await held()).toEqual([b, c, d])
  })

  it('is not behind when what has run out is just a batch', async () => {
    for (const leaseId of [a, b]) await acquire({ leaseId, createLimit: 3, ttlMs: 100 })
    await acquire({ leaseId: c, ttlMs: 5_000 })
    await queue({ leaseId: d, permits: 3 })
    table.clock.advance(100)
    expect(await table.call('reap', { batchMax: 2 })).toEqual({ kind: 'reaped', nearestInMs: 4_900 })
    expect(table.expired).toBe(2)
  })

  it('ends no more than a batch of leases in one script, also where that settles twice', async () => {
    for (const leaseId of [a, b, c]) await acquire({ leaseId, createLimit: 4, ttlMs: 100 })
    await acquire({ leaseId: d, ttlMs: 5_000 })
    table.clock.advance(100)
    expect(await table.call('release', { leaseId: d, retire: false, batchMax: 1 })).toMatchObject({ kind: 'released' })
    expect(table.expired).toBe(1)
  })

  it('does not put a new lease in the place of one that is over but behind the batch', async () => {
    for (const leaseId of [a, b, c]) await acquire({ leaseId, createLimit: 5, ttlMs: 100 })
    table.clock.advance(100)
    expect(await acquire({ leaseId: c, batchMax: 1 })).toMatchObject({ kind: 'granted' })
    expect(table.expired).toBe(3)
    expect((await table.snapshot())['state']).toMatchObject({ used: '1' })
  })
})

describe('time', () => {
  it.each<{ what: string; run: () => Promise<unknown> }>([
    { what: 'an acquire', run: () => acquire({ leaseId: c }) },
    { what: 'a repeat', run: () => acquire({ leaseId: b }) },
    { what: 'a release', run: () => release(d) },
    { what: 'a renewal', run: () => table.call('renew', { leaseId: d, ttlMs: 1 }) },
    { what: 'a cancel', run: () => cancel(d, 'r1.1') },
    { what: 'a revocation', run: () => table.call('revoke', { leaseId: d, fence: 1 }) },
    { what: 'a heartbeat', run: () => beat('r1') },
    { what: 'reaping', run: () => table.call('reap', {}) },
    { what: 'an inspection', run: () => table.call('inspect', {}) },
    {
      what: 'a list of leases',
      run: () => table.call('listLeases', { afterDeadlineMs: 0, afterFence: 0, pageSize: 1 }),
    },
    { what: 'a list of waiters', run: () => table.call('listWaiters', { afterArrival: 0, pageSize: 1 }) },
    { what: 'a resize', run: () => table.call('configure', { limit: 1, bounded: '' }) },
    { what: 'a growth', run: () => table.call('addPermits', { permits: 9, limitMax: 5, requestId: c }) },
    { what: 'a removal', run: () => table.call('remove', { force: false }) },
  ])('passes first in $what: what has run out ends, and the queue moves', async ({ run }) => {
    await acquire({ leaseId: a, createLimit: 1, createBounded: false, ttlMs: 100 })
    await queue({ leaseId: b })
    table.clock.advance(100)
    await run()
    expect(await held()).toEqual([b])
    expect((await table.snapshot())['state']).toMatchObject({ used: '1', fence: String(table.clock.nowUs) })
    expect(table.expired).toBe(1)
  })
})

describe('the grace', () => {
  it('drops a dead head when met, and not before', async () => {
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 60_000 })
    await queue({ leaseId: b, attachment: 'dead.1' })
    await queue({ leaseId: c, attachment: 'live.1' })
    table.clock.advance(9_999)
    expect(await beat('live', c, '1')).toEqual({ kind: 'alive', nearestInMs: 1, exceptions: [] })
    expect(await waiting()).toEqual([b, c])
    table.clock.advance(1)
    await release(a)
    expect(await held()).toEqual([c])
  })

  it('is over to the millisecond: then the replica is forgotten, and the head with it', async () => {
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 60_000 })
    await queue({ leaseId: b, attachment: 'dead.1' })
    await queue({ leaseId: c, attachment: 'live.1' })
    table.clock.advance(10_000)
    await beat('live', c, '1')
    expect((await table.snapshot())['replicas']).toEqual({ live: String(table.clock.nowMs) })
    expect(await waiting()).toEqual([c])
  })

  it('grants a head whose replica died less than the grace ago', async () => {
    await acquire({ leaseId: a, createLimit: 1 })
    await queue({ leaseId: b, attachment: 'dead.1' })
    table.clock.advance(9_999)
    await release(a)
    expect(await held()).toEqual([b])
  })

  it('starts anew with each heartbeat, and one live replica of several is enough', async () => {
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 90_000 })
    await queue({ leaseId: b, attachment: 'r1.1' })
    await queue({ leaseId: b, attachment: 'r2.1' })
    for (let i = 0; i < 5; i += 1) {
      table.clock.advance(9_000)
      await beat('r2', b, '1')
    }
    expect(await waiting()).toEqual([b])
    expect((await table.snapshot())['replicas']).toEqual({ r2: String(table.clock.nowMs) })
  })
})

describe('heartbeat', () => {
  it('tells what became of each open request', async () => {
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 60_000 })
    for (const [leaseId, attachment] of [
      [b, 'r1.1'],
      [c, 'r1.2'],
    ] as const)
      await queue({ leaseId, attachment })
    await release(a)
    const { nowMs, nowUs } = table.clock // the clock stood still since the first grant, whose fence it was
    const reply = await beat('r1', b, '1', c, '2', c, '7', d, '8')
    expect(reply).toEqual({
      kind: 'alive',
      nearestInMs: 10_000,
      exceptions: [
        ...['0', '1', String(nowUs + 1), '30000', String(nowMs), String(nowMs + 30_000), '30000'],
        ...['2', '0', '', '', '', '', ''],
        ...['3', '0', '', '', '', '', ''],
      ],
    })
  })

  it('does not call a lease its own that another attempt adopted', async () => {
    await acquire({ leaseId: a, createLimit: 1, attachment: 'r1.1' })
    await acquire({ leaseId: a, attachment: 'r2.1' })
    expect(await beat('r1', a, '1')).toMatchObject({ exceptions: ['0', '0', '', '', '', '', ''] })
  })

  it('carries a thousand open requests that nobody knows', async () => {
    const open = Array.from({ length: 1_000 }, (_, i) => [a, String(i)]).flat()
    const reply = await beat('r1', ...open)
    expect(reply.exceptions).toHaveLength(7_000)
  })
})

describe('the nearest deadline', () => {
  it('comes closer where the clock steps back under a waiter that asks again', async () => {
    const heard = await table.listen('r2')
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 60_000 })
    await queue({ leaseId: b, attachment: 'r1.1' })
    await queue({ leaseId: c, attachment: 'r2.1' })
    table.clock.advance(-3_000)
    await queue({ leaseId: b, attachment: 'r1.1' })
    await vi.waitFor(() => {
      expect(heard).toEqual(['deadline s 10000'])
    })
  })

  it('counts from what a replica says now, whatever was read of it before', async () => {
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 60_000 })
    expect(await queue({ leaseId: b })).toMatchObject({ nearestInMs: 10_000 })
    table.clock.advance(3_000)
    expect(await queue({ leaseId: c })).toMatchObject({ nearestInMs: 10_000 })
  })

  it('is told to every replica with waiters when it comes closer, and only then', async () => {
    const heard = await table.listen('r2')
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 60_000 })
    await queue({ leaseId: b, ttlMs: 1_000, attachment: 'r1.1' })
    expect(await queue({ leaseId: c, attachment: 'r2.1' })).toMatchObject({ nearestInMs: 10_000 })
    await release(a)
    await vi.waitFor(() => {
      expect(heard).toEqual(['deadline s 1000'])
    })
    await table.call('renew', { leaseId: b, ttlMs: 5_000 })
    await beat('r2', c, '1')
    expect(heard).toHaveLength(1)
  })
})
