import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { acquireArgs, leaseIds } from './acquire-args.js'
import { createScriptTable } from './script-table.js'
import type { ScriptTable } from './script-table.js'

const [a, b, c, d, e] = leaseIds

let table: ScriptTable
const acquire = (args: Parameters<typeof acquireArgs>[0]) => table.call('acquire', acquireArgs(args))
const queue = (args: Parameters<typeof acquireArgs>[0]) => acquire({ enqueue: true, ...args })
const release = (leaseId: string) => table.call('release', { leaseId, retire: false })
const configure = (limit: number, bounded = '') => table.call('configure', { limit, bounded })
const held = async (): Promise<string[]> => Object.keys((await table.snapshot())['leases'] ?? {}).sort()
const waiting = async (): Promise<string[]> => Object.keys((await table.snapshot())['queue'] ?? {})
beforeEach(() => {
  table = createScriptTable()
})
afterEach(() => table.close())

describe('configure', () => {
  it('wakes exactly as many as fit when the limit grows after it was lowered', async () => {
    for (const leaseId of [a, b]) await acquire({ leaseId, createLimit: 2 })
    for (const leaseId of [c, d, e]) await queue({ leaseId })
    await configure(1)
    await release(a)
    expect(await held()).toEqual([b])
    expect(await configure(3)).toEqual({
      kind: 'configured',
      limit: 3,
      bounded: true,
      used: 3,
      waiting: 1,
      oldestWaitMs: 0,
      grants: 4,
    })
  })

  it('refuses more waiters at once than one command takes', async () => {
    await acquire({ leaseId: a, createLimit: 3, permits: 3 })
    const crowd = Array.from({ length: 1_200 }, (_, number) => ({ leaseId: `crowd-${number}`, permits: 2 }))
    await Promise.all(crowd.map((one) => queue(one)))
    await queue({ leaseId: b })
    expect(await configure(1)).toMatchObject({ waiting: 1 })
    expect(await waiting()).toEqual([b])
    expect(Object.keys((await table.snapshot())['waiters'] ?? {})).toEqual([b])
  })

  it('refuses waiters that ask for more than there will be, but for one permit at limit 0', async () => {
    const heard = await table.listen('r1')
    await acquire({ leaseId: a, createLimit: 3, permits: 3 })
    await queue({ leaseId: b, permits: 2 })
    await queue({ leaseId: c })
    await configure(0)
    expect(await waiting()).toEqual([c])
    await vi.waitFor(() => {
      expect(heard).toEqual(['check s'])
    })
    expect(await queue({ leaseId: b, permits: 2 })).toEqual({ kind: 'permits_exceed_limit', limit: 0 })
  })
})

describe('configure, of a new semaphore', () => {
  it.each([
    { bounded: '', is: true },
    { bounded: '1', is: true },
    { bounded: '0', is: false },
  ])('with bounded "$bounded" says $is, and remembers it', async ({ bounded, is }) => {
    const made = { limit: 2, bounded: is, used: 0, waiting: 0, oldestWaitMs: 0, grants: 0 }
    expect(await configure(2, bounded)).toEqual({ kind: 'created', ...made })
    expect(await table.call('inspect', {})).toEqual({ kind: 'state', ...made })
    expect(await configure(3)).toEqual({ kind: 'configured', ...made, limit: 3 })
    expect(await configure(3, is ? '0' : '1')).toMatchObject({ bounded: !is })
    expect(await table.call('inspect', {})).toMatchObject({ bounded: !is })
  })
})

describe('a semaphore whose state is gone', () => {
  it('is made anew, and nothing that it left is counted', async () => {
    await acquire({ leaseId: a, createLimit: 1 })
    await queue({ leaseId: b })
    await table.redis.del(`${table.keyPrefix}{s}:state`)
    expect(await acquire({ leaseId: c, createLimit: 1 })).toMatchObject({ kind: 'granted' })
    expect(Object.keys(await table.snapshot())).toEqual(['deadlines', 'leases', 'state'])
    expect(await held()).toEqual([c])
    expect(Object.keys((await table.snapshot())['deadlines'] ?? {})).toEqual([c])
  })
})

describe('a lower limit', () => {
  it('refuses the only waiter, if it asks for too much', async () => {
    await acquire({ leaseId: a, createLimit: 2, permits: 2 })
    await queue({ leaseId: b, permits: 2 })
    expect(await configure(1)).toMatchObject({ kind: 'configured', used: 2, waiting: 0 })
    expect(await waiting()).toEqual([])
  })

  it('comes after what has run out, which still counts under the old one', async () => {
    await acquire({ leaseId: a, createLimit: 2, permits: 2, ttlMs: 100 })
    await queue({ leaseId: b, permits: 2 })
    table.clock.advance(100)
    expect(await configure(1)).toMatchObject({ used: 2, waiting: 0 })
    expect(await held()).toEqual([b])
  })

  it('tells nobody of it who may go on waiting', async () => {
    const heard = await table.listen('r1')
    await acquire({ leaseId: a, createLimit: 3, permits: 3 })
    await queue({ leaseId: b })
    await configure(1)
    await release(a)
    await vi.waitFor(() => {
      expect(heard).toEqual([expect.stringContaining('granted s') as unknown])
    })
  })
})

describe('a growth for which more wait than one script may grant', () => {
  it('tells every replica to go on at once', async () => {
    const heard = await table.listen('r2')
    await acquire({ leaseId: a, createLimit: 0, enqueue: true })
    for (const leaseId of [b, c]) await queue({ leaseId, attachment: 'r2.1' })
    await table.call('configure', { limit: 3, bounded: '', batchMax: 2 })
    await vi.waitFor(() => {
      expect(heard).toEqual([expect.stringContaining('granted s') as unknown, 'deadline s 0'])
    })
    expect(await held()).toEqual([a, b])
  })
})

describe('add-permits and remove', () => {
  it('grows once for a request id, never a bounded one, never past the largest limit', async () => {
    await acquire({ leaseId: a, createLimit: 1, createBounded: false })
    await queue({ leaseId: b, createBounded: false })
    const grow = (requestId: string, permits = 1) => table.call('addPermits', { permits, limitMax: 3, requestId })
    expect(await grow(c)).toMatchObject({ kind: 'state', limit: 2, used: 2, waiting: 0 })
    expect(await grow(c)).toMatchObject({ kind: 'state', limit: 2 })
    expect((await table.ttls())[`grown:${c}`]).toBeLessThanOrEqual(600_000)
    expect(await grow(d, 2)).toEqual({ kind: 'limit_too_large', limit: 2 })
    expect(await grow(d, 1)).toMatchObject({ kind: 'state', limit: 3 })
    await configure(2, '1')
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
