import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireArgs, leaseIds } from './acquire-args.js'
import { createScriptTable } from './script-table.js'
import type { ScriptTable } from './script-table.js'

const [a, b, c] = leaseIds

let table: ScriptTable
const acquire = (args: Parameters<typeof acquireArgs>[0] & { idleMs?: number; graceMs?: number }) =>
  table.call('acquire', acquireArgs(args))
/** Settings of a semaphore that ends after 1.608 s, with 100 ms to spare, and of replicas that do not die before. */
const soon = { idleMs: 1_608, graceMs: 60_000 }
beforeEach(() => {
  table = createScriptTable()
})
afterEach(() => table.close())

describe('idle removal', () => {
  it('is put off until idle_ms after the last deadline, on every key', async () => {
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 50_000 })
    await acquire({ leaseId: b, enqueue: true })
    const ttls = Object.values(await table.ttls())
    expect(ttls).toHaveLength(6)
    for (const ttlMs of ttls) expect(ttlMs).toBeGreaterThan(86_400_000 + 40_000)
  })

  it('counts from the release of a lease that had long to go, and never leaves a key that was made anew without an end', async () => {
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 80_000_000 })
    await table.call('release', { leaseId: a, retire: false })
    expect((await table.ttls())['state']).toBeLessThanOrEqual(86_400_000 * (1 + 1 / 16))
    await acquire({ leaseId: a, ttlMs: 1_000 })
    await acquire({ leaseId: b, enqueue: true })
    await table.call('release', { leaseId: a, retire: false })
    expect(await acquire({ leaseId: c, enqueue: true })).toMatchObject({ kind: 'queued' })
    const ttls = Object.values(await table.ttls())
    expect(ttls).toHaveLength(6)
    for (const ttlMs of ttls) expect(ttlMs).toBeGreaterThan(0)
  })

  it.each<{ what: string; use: () => Promise<unknown>; until?: number }>([
    { what: 'a busy reply', use: () => acquire({ ...soon, leaseId: c }) },
    { what: 'a new waiter', use: () => acquire({ ...soon, leaseId: c, enqueue: true }) },
    { what: 'a waiter that asks again', use: () => acquire({ ...soon, leaseId: b, enqueue: true }) },
    { what: 'a waiter that leaves', use: () => acquire({ ...soon, leaseId: b }) },
    { what: 'a waiter that is released', use: () => table.call('release', { ...soon, leaseId: b, retire: false }) },
    { what: 'a heartbeat', use: () => table.call('heartbeat', { ...soon, replica: 'r1', openCount: 0, open: [] }) },
    {
      what: 'a growth',
      use: () => table.call('addPermits', { ...soon, permits: 1, limitMax: 9, requestId: c }),
      until: 5_000,
    },
    { what: 'looking', use: () => table.call('inspect', soon), until: -200 },
    { what: 'reaping', use: () => table.call('reap', soon), until: -200 },
    {
      what: 'an unknown release',
      use: () => table.call('release', { ...soon, leaseId: c, retire: false }),
      until: -200,
    },
  ])('counts from now at $what', async ({ use, until = 0 }) => {
    await acquire({ ...soon, createLimit: 0, createBounded: false })
    await acquire({ ...soon, leaseId: b, ttlMs: 5_000, enqueue: true })
    table.clock.advance(200)
    const { nowMs } = table.clock
    await use()
    expect((await table.snapshot())['state']).toMatchObject({ lives_until: String(nowMs + until + 1_708) })
  })

  it('counts from now at a growth for which nobody waited', async () => {
    await acquire({ ...soon, createLimit: 0, createBounded: false })
    table.clock.advance(200)
    await table.call('addPermits', { ...soon, permits: 1, limitMax: 9, requestId: c })
    expect((await table.snapshot())['state']).toMatchObject({ lives_until: String(table.clock.nowMs + 1_708) })
  })

  it('counts from the deadline that a renewal gives', async () => {
    await acquire({ ...soon, createLimit: 1, ttlMs: 1_000 })
    table.clock.advance(200)
    await table.call('renew', { ...soon, leaseId: a, ttlMs: 5_000 })
    expect((await table.snapshot())['state']).toMatchObject({ lives_until: String(table.clock.nowMs + 6_708) })
  })

  it.each([
    { ttlMs: 100, livesForMs: 1_808, why: 'stays where it is so much later' },
    { ttlMs: 101, livesForMs: 1_708, why: 'comes nearer than that' },
  ])('$why when a lease of $ttlMs ms is released at once', async ({ ttlMs, livesForMs }) => {
    await acquire({ ...soon, createLimit: 1, ttlMs })
    await table.call('release', { ...soon, leaseId: a, retire: false })
    expect((await table.snapshot())['state']).toMatchObject({ lives_until: String(table.clock.nowMs + livesForMs) })
  })

  it('does not come nearer while a lease is held that ends later', async () => {
    await acquire({ ...soon, createLimit: 2, ttlMs: 9_000 })
    await acquire({ ...soon, leaseId: b, ttlMs: 5_000 })
    await table.call('release', { ...soon, leaseId: b, retire: false })
    expect((await table.snapshot())['state']).toMatchObject({ lives_until: String(table.clock.nowMs + 10_708) })
  })

  it('waits until the clock has passed the last fence', async () => {
    await acquire({ ...soon, leaseId: a, createLimit: 1, ttlMs: 1_000 })
    table.clock.advance(-5_000)
    await table.call('release', { ...soon, leaseId: a, retire: false })
    expect((await table.ttls())['state']).toBeGreaterThan(5_000 + 1_000)
  })

  it('leaves no key of a waiter that came and went in one turn', async () => {
    await acquire({ leaseId: a, createLimit: 1 })
    await Promise.all([acquire({ leaseId: b, enqueue: true }), acquire({ leaseId: b, attachment: 'r1.2' })])
    expect(Object.keys(await table.snapshot()).sort()).toEqual(['deadlines', 'leases', 'state'])
  })

  it('of some of the keys before the others leaves nothing that counts', async () => {
    const key = (name: string): string => `${table.keyPrefix}{s}:${name}`
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 1_000 })
    await acquire({ leaseId: b, enqueue: true })
    table.clock.advance(1_000)
    await table.redis.del(key('state'))
    expect(await acquire({ leaseId: c, createLimit: 1 })).toMatchObject({ kind: 'granted' })
    expect(await acquire({ leaseId: a })).toMatchObject({ kind: 'busy', used: 1, waiting: 0 })
    // Evicted: nobody can give these permits back.
    await table.redis.del(key('deadlines'), key('leases'))
    expect(await acquire({ leaseId: a })).toMatchObject({ kind: 'granted' })
    expect(await table.call('inspect', {})).toMatchObject({ used: 1 })
    expect(Object.values(await table.ttls()).every((ttlMs) => ttlMs > 0)).toBe(true)
  })

  it('is not put off by looking', async () => {
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 50_000 })
    await table.redis.pexpire(`${table.keyPrefix}{s}:state`, 5_000)
    await table.call('inspect', {})
    expect((await table.ttls())['state']).toBeLessThanOrEqual(5_000)
  })

  it('does not happen to what an operator defined', async () => {
    await acquire({ leaseId: a, createLimit: 1 })
    for (const leaseId of [b, c]) await acquire({ leaseId, ttlMs: 80_000_000, enqueue: true })
    // It grants, which is a use, and for longer than there was.
    await table.call('configure', { limit: 2, bounded: '' })
    await acquire({ leaseId: c, enqueue: true })
    const ttls = await table.ttls()
    expect(Object.keys(ttls)).toHaveLength(6)
    expect(new Set(Object.values(ttls))).toEqual(new Set([-1]))
  })

  it('does not happen to what an operator made', async () => {
    await table.call('configure', { limit: 1, bounded: '' })
    await acquire({ leaseId: a })
    await acquire({ leaseId: b, enqueue: true })
    const ttls = await table.ttls()
    expect(Object.keys(ttls)).toHaveLength(6)
    expect(new Set(Object.values(ttls))).toEqual(new Set([-1]))
  })
})
