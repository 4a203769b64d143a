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

  it('is left by a release, which always remembers the id', async () => {
    await acquire({ leaseId: a, createLimit: 1 })
    await queue({ leaseId: b })
    expect(await release(b)).toEqual({ kind: 'cancelled', permits: 1 })
    expect(await queue({ leaseId: b })).toEqual({ kind: 'wait_cancelled' })
  })

  it('moves on when a lease ends by its deadline, a thousand at a time and no more', async () => {
    await acquire({ leaseId: a, createLimit: 3, permits: 3, ttlMs: 100 })
    for (const leaseId of [b, c, d]) await queue({ leaseId })
    table.clock.advance(100)
    expect(await table.call('reap', { batchMax: 2 })).toEqual({ kind: 'reaped', nearestInMs: 0 })
    expect(await held()).toEqual([b, c])
    expect(await table.call('reap', { batchMax: 2 })).toEqual({ kind: 'reaped', nearestInMs: 30_000 })
    expect(await held()).toEqual([b, c, d])
  })

  it('answers a newcomer only when the batch of expired leases is worked off', async () => {
    for (const leaseId of [a, b, c, d]) await acquire({ leaseId, createLimit: 4, ttlMs: 100 })
    table.clock.advance(100)
    expect(await acquire({ leaseId: e, permits: 4, batchMax: 1 })).toMatchObject({ kind: 'granted', permits: 4 })
    expect(table.expired).toBe(4)
  })
})

describe('cancel', () => {
  it('ends its own attachment and nothing else', async () => {
    await acquire({ leaseId: a, createLimit: 1 })
    await queue({ leaseId: b, attachment: 'r1.1' })
    await queue({ leaseId: b, attachment: 'r2.1' })
    expect(await cancel(b, 'r1.11')).toEqual({ kind: 'not_attached' })
    expect(await cancel(b, 'r1.1')).toEqual({ kind: 'detached' })
    expect(await waiting()).toEqual([b])
    expect(await cancel(b, 'r2.1')).toEqual({ kind: 'left' })
    expect(await waiting()).toEqual([])
    expect(await queue({ leaseId: b, attachment: 'r1.2' })).toMatchObject({ kind: 'queued' })
  })

  it('gives a lease to the next waiter when its last attachment ends before the reply was written', async () => {
    await acquire({ leaseId: a, createLimit: 1 })
    await queue({ leaseId: b, attachment: 'r1.1' })
    await queue({ leaseId: c, attachment: 'r1.2' })
    await release(a)
    expect(await cancel(b, 'r1.1', true)).toMatchObject({ kind: 'held', expiresInMs: 30_000 })
    expect(await held()).toEqual([b])
    expect(await cancel(b, 'r1.1')).toEqual({ kind: 'returned' })
    expect(await held()).toEqual([c])
  })

  it('of a wait that is over gives way to the lease that another attempt of its id got, and adopts it', async () => {
    await acquire({ leaseId: a, createLimit: 1, attachment: 'r1.1' })
    expect(await cancel(a, 'r2.1', true)).toMatchObject({ kind: 'held', expiresInMs: 30_000 })
    expect(await cancel(a, 'r1.1')).toEqual({ kind: 'not_attached' })
    expect(await held()).toEqual([a])
  })

  it('of an attempt that is overtaken does not kill the lease its retry holds, in either order of arrival', async () => {
    await acquire({ leaseId: a, createLimit: 1, attachment: 'r1.1' })
    await acquire({ leaseId: a, attachment: 'r2.1' })
    expect(await cancel(a, 'r1.1')).toEqual({ kind: 'not_attached' })
    expect(await cancel(a, 'r2.1')).toEqual({ kind: 'not_attached' })
    expect(await held()).toEqual([a])
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

describe('configure', () => {
  it('wakes exactly as many as fit when the limit grows after it was lowered', async () => {
    for (const leaseId of [a, b]) await acquire({ leaseId, createLimit: 2 })
    for (const leaseId of [c, d, e]) await queue({ leaseId })
    await table.call('configure', { limit: 1, bounded: '' })
    await release(a)
    expect(await held()).toEqual([b])
    expect(await table.call('configure', { limit: 3, bounded: '' })).toEqual({
      kind: 'configured',
      limit: 3,
      bounded: true,
      used: 3,
      waiting: 1,
      oldestWaitMs: 0,
    })
  })

  it('refuses waiters that ask for more than there will be, but for one permit at limit 0', async () => {
    const heard = await table.listen('r1')
    await acquire({ leaseId: a, createLimit: 3, permits: 3 })
    await queue({ leaseId: b, permits: 2 })
    await queue({ leaseId: c })
    await table.call('configure', { limit: 0, bounded: '' })
    expect(await waiting()).toEqual([c])
    await vi.waitFor(() => {
      expect(heard).toEqual(['check s'])
    })
    expect(await queue({ leaseId: b, permits: 2 })).toEqual({ kind: 'permits_exceed_limit', limit: 0 })
  })
})

describe('add-permits and remove', () => {
  it('grows once for a request id, never a bounded one, never past the largest limit', async () => {
    await acquire({ leaseId: a, createLimit: 1, createBounded: false })
    await queue({ leaseId: b, createBounded: false })
    const grow = (requestId: string, permits = 1) => table.call('addPermits', { permits, limitMax: 3, requestId })
    expect(await grow(c)).toMatchObject({ kind: 'state', limit: 2, used: 2, waiting: 0 })
    expect(await grow(c)).toMatchObject({ kind: 'state', limit: 2 })
    expect(await grow(d, 2)).toEqual({ kind: 'limit_too_large', limit: 2 })
    await table.call('configure', { limit: 2, bounded: '1' })
    expect(await grow(e)).toEqual({ kind: 'released_too_many_times', limit: 2 })
  })

  it('removes what is idle, or all of it when forced, and tells those who wait', async () => {
    const heard = await table.listen('r1')
    expect(await table.call('remove', { force: true })).toEqual({ kind: 'semaphore_not_found' })
    await acquire({ leaseId: a, createLimit: 1 })
    await queue({ leaseId: b })
    expect(await table.call('remove', { force: false })).toEqual({ kind: 'in_use', used: 1 })
    expect(await table.call('remove', { force: true })).toEqual({ kind: 'removed' })
    await vi.waitFor(() => {
      expect(heard).toEqual(['check s'])
    })
    expect(Object.keys(await table.snapshot()).filter((key) => key !== 'fence')).toEqual([])
  })
})
