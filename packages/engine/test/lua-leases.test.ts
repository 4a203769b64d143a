import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireArgs, leaseIds } from './acquire-args.js'
import { createScriptTable } from './script-table.js'
import type { ScriptTable } from './script-table.js'

const [a, b, c] = leaseIds

let table: ScriptTable
const acquire = (args: Parameters<typeof acquireArgs>[0]) => table.call('acquire', acquireArgs(args))
const stateOf = async (): Promise<unknown> => (await table.snapshot())['state']
beforeEach(() => {
  table = createScriptTable()
})
afterEach(() => table.close())

describe('release', () => {
  it('gives the permits back and leaves nothing of the lease', async () => {
    await acquire({ leaseId: a, permits: 2, createLimit: 2 })
    table.clock.advance(40)
    expect(await table.call('release', { leaseId: a, retire: false })).toEqual({
      kind: 'released',
      permits: 2,
      heldMs: 40,
    })
    expect(Object.keys(await table.snapshot())).toEqual(['state'])
    expect(await stateOf()).toMatchObject({ used: '0' })
  })

  it('changes no count the second time, with a foreign id, or past the deadline', async () => {
    await acquire({ leaseId: a, createLimit: 2, ttlMs: 100 })
    await acquire({ leaseId: b, ttlMs: 10_000 })
    expect(await table.call('release', { leaseId: c, retire: false })).toEqual({ kind: 'lease_not_held' })
    table.clock.advance(100)
    expect(await table.call('release', { leaseId: a, retire: false })).toEqual({ kind: 'lease_not_held' })
    expect(await stateOf()).toMatchObject({ used: '1' })
    await table.call('release', { leaseId: b, retire: false })
    expect(await table.call('release', { leaseId: b, retire: false })).toEqual({ kind: 'lease_not_held' })
    expect(await stateOf()).toMatchObject({ used: '0' })
  })

  it.each(['release', 'renew'] as const)(
    'does not take a lease that is over for held, though behind the batch: %s',
    async (name) => {
      for (const leaseId of [a, b, c]) await acquire({ leaseId, createLimit: 3, ttlMs: 100 })
      table.clock.advance(100)
      const args = { leaseId: c, batchMax: 1, retire: false, ttlMs: 500 }
      expect(await table.call(name, args)).toEqual({ kind: 'lease_not_held' })
      expect(await stateOf()).toMatchObject({ used: '2' })
    },
  )

  it('retires the id only when asked to', async () => {
    await acquire({ leaseId: a, createLimit: 1 })
    await table.call('release', { leaseId: a, retire: false })
    expect(await acquire({ leaseId: a })).toMatchObject({ kind: 'granted' })
    await table.call('release', { leaseId: a, retire: true })
    expect(await acquire({ leaseId: a })).toEqual({ kind: 'wait_cancelled' })
  })

  it('does not know a semaphore that nobody made', async () => {
    expect(await table.call('release', { leaseId: a, retire: false })).toEqual({ kind: 'lease_not_held' })
    expect(await table.snapshot()).toEqual({})
  })
})

describe('renew', () => {
  it.each([
    { ttlMs: 2_000, deadlineAfterMs: 2_400, why: 'pushes the deadline out' },
    { ttlMs: 100, deadlineAfterMs: 1_000, why: 'never brings it closer' },
  ])('$why', async ({ ttlMs, deadlineAfterMs }) => {
    const startMs = table.clock.nowMs
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 1_000, holder: 'me' })
    table.clock.advance(400)
    expect(await table.call('renew', { leaseId: a, ttlMs })).toMatchObject({
      kind: 'renewed',
      ttlMs,
      deadlineMs: startMs + deadlineAfterMs,
      expiresInMs: deadlineAfterMs - 400,
    })
    expect((await table.snapshot())['leases']).toMatchObject({
      [a]: expect.stringContaining(`${String(ttlMs)} `) as string,
    })
  })

  it('touches no other lease', async () => {
    await acquire({ leaseId: a, createLimit: 2, ttlMs: 1_000 })
    await acquire({ leaseId: b, ttlMs: 60_000 })
    await table.call('renew', { leaseId: a, ttlMs: 5 })
    table.clock.advance(1_000)
    expect(await table.call('inspect', {})).toMatchObject({ used: 1 })
    expect(await table.call('renew', { leaseId: b, ttlMs: 1 })).toMatchObject({ kind: 'renewed', expiresInMs: 59_000 })
  })

  it.each([
    { why: 'absent', prepare: () => Promise.resolve(undefined) },
    { why: 'expired', prepare: async () => table.clock.advance(1_000) },
    { why: 'released', prepare: () => table.call('release', { leaseId: a, retire: false }) },
  ])('does not bring a lease back that is $why', async ({ why, prepare }) => {
    if (why !== 'absent') await acquire({ leaseId: a, createLimit: 1, ttlMs: 1_000 })
    await prepare()
    expect(await table.call('renew', { leaseId: a, ttlMs: 9_000 })).toEqual({ kind: 'lease_not_held' })
  })

  it('does not take a waiter for a lease', async () => {
    await acquire({ leaseId: a, createLimit: 1 })
    await acquire({ leaseId: b, enqueue: true })
    expect(await table.call('renew', { leaseId: b, ttlMs: 9_000 })).toEqual({ kind: 'lease_not_held' })
  })
})
