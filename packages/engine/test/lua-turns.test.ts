import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireArgs, leaseIds } from './acquire-args.js'
import { createScriptTable } from './script-table.js'
import type { ScriptTable } from './script-table.js'

const [a, b, c, d, e] = leaseIds

// Calls that are made without a turn of the event loop between them are one run of the script. What comes before the first that is not
// plain is answered in one go, the rest one by one: each row has the odd one between others.
let table: ScriptTable
const acquire = (args: Parameters<typeof acquireArgs>[0]) => table.call('acquire', acquireArgs(args))
const release = (leaseId: string, retire = false) => table.call('release', { leaseId, retire })
const renew = (leaseId: string, ttlMs: number) => table.call('renew', { leaseId, ttlMs })
const leases = async (): Promise<unknown> => (await table.snapshot())['leases']
const state = async (): Promise<unknown> => (await table.snapshot())['state']

beforeEach(() => {
  table = createScriptTable()
})
afterEach(() => table.close())

describe('acquires of one turn', () => {
  const granted = (nth: number, more: object = {}) => ({ kind: 'granted', fence: table.clock.nowUs + nth, ...more })

  beforeEach(async () => {
    await table.call('configure', { limit: 4, bounded: '1' })
  })

  it('are each granted what they ask for, up to the very limit', async () => {
    const { nowMs, nowUs } = table.clock
    const replies = await Promise.all([
      acquire({ leaseId: a, ttlMs: 500, attachment: 'r1.1', holder: 'one of two' }),
      acquire({ leaseId: b, permits: 2, ttlMs: 700, attachment: 'r1.2' }),
      acquire({ leaseId: c, ttlMs: 600, attachment: 'r2.1' }),
    ])
    const lease = { kind: 'granted', grantedAtMs: nowMs, limitMismatch: null }
    expect(replies).toEqual([
      { ...lease, fence: nowUs },
      { ...lease, fence: nowUs + 1 },
      { ...lease, fence: nowUs + 2 },
    ])
    expect(await table.snapshot()).toEqual({
      state: expect.objectContaining({ used: '4', fence: String(nowUs + 2) }) as unknown,
      deadlines: { [a]: String(nowMs + 500), [b]: String(nowMs + 700), [c]: String(nowMs + 600) },
      leases: {
        [a]: `1 ${nowUs} 500 ${nowMs} r1.1 one of two`,
        [b]: `2 ${nowUs + 1} 700 ${nowMs} r1.2 `,
        [c]: `1 ${nowUs + 2} 600 ${nowMs} r2.1 `,
      },
    })
    expect(await acquire({ leaseId: d })).toMatchObject({ kind: 'busy', used: 4, nearestInMs: 500 })
  })

  it('keep whatever is in a label, for all of them are read together', async () => {
    const holder = 'a "b" \\c/ \n \u{1f682} é'
    await Promise.all([acquire({ leaseId: a, holder }), acquire({ leaseId: b, holder: 'half \ud83d of a pair' })])
    expect(await leases()).toMatchObject({ [a]: expect.stringContaining(` ${holder}`) as unknown })
    expect(await leases()).toMatchObject({ [b]: expect.stringContaining('half \ufffd of a pair') as unknown })
  })

  it('tell of a deadline that a later one brings closer than an earlier one was told', async () => {
    const heard = await table.listen('r1')
    await acquire({ leaseId: a, permits: 2, ttlMs: 9_000 })
    const replies = await Promise.all([
      acquire({ leaseId: b, permits: 4, enqueue: true }),
      acquire({ leaseId: c, permits: 2, ttlMs: 50, enqueue: true }),
      acquire({ leaseId: d, permits: 4, enqueue: true }),
      // The head leaves, and the next has the lease whose end is the nearest.
      acquire({ leaseId: b, permits: 4, attachment: 'r1.9' }),
    ])
    expect(replies[2]).toMatchObject({ kind: 'queued', nearestInMs: 9_000 })
    await expect.poll(() => heard.filter((word) => word.startsWith('deadline'))).toEqual(['deadline s 50'])
  })

  it('do not fit past the limit, and those behind them do if they do not overtake', async () => {
    const replies = await Promise.all([
      acquire({ leaseId: a, permits: 2 }),
      acquire({ leaseId: b, permits: 3 }),
      acquire({ leaseId: c, permits: 2 }),
      acquire({ leaseId: d, permits: 3, enqueue: true }),
      acquire({ leaseId: e, permits: 1, enqueue: true }),
    ])
    expect(replies).toMatchObject([
      granted(0),
      { kind: 'busy', used: 2 },
      granted(1),
      { kind: 'queued', position: 1 },
      { kind: 'queued', position: 2 },
    ])
    expect(await state()).toMatchObject({ used: '4', arrivals: '2' })
  })

  it('are refused with an id that is retired, and only they', async () => {
    await release(b, true)
    const replies = await Promise.all([a, b, c].map((leaseId) => acquire({ leaseId })))
    expect(replies).toMatchObject([granted(0), { kind: 'wait_cancelled' }, granted(1)])
    expect(await state()).toMatchObject({ used: '2' })
  })

  it('repeat a lease that was held before, which is adopted', async () => {
    await acquire({ leaseId: b, ttlMs: 900, attachment: 'r1.9' })
    const { nowUs } = table.clock
    table.clock.advance(100)
    const [first, again, last] = await Promise.all([a, b, c].map((leaseId) => acquire({ leaseId })))
    expect([first, last]).toMatchObject([granted(0), granted(1)])
    expect(again).toMatchObject({ kind: 'held', fence: nowUs, ttlMs: 900, expiresInMs: 800 })
    expect(await leases()).toMatchObject({ [b]: expect.stringContaining(' - ') as unknown })
    expect(await state()).toMatchObject({ used: '3' })
  })

  it('repeat one another', async () => {
    const replies = await Promise.all([
      acquire({ leaseId: a }),
      acquire({ leaseId: b, attachment: 'r1.2' }),
      acquire({ leaseId: b, attachment: 'r1.3' }),
      acquire({ leaseId: b, permits: 2 }),
      acquire({ leaseId: c }),
    ])
    expect(replies).toMatchObject([
      granted(0),
      granted(1),
      granted(1, { kind: 'held' }),
      { kind: 'lease_id_conflict', permits: 1 },
      granted(2),
    ])
    expect(await state()).toMatchObject({ used: '3' })
  })

  it.each([
    { why: 'a limit that is another', create: { createLimit: 3 }, reply: { kind: 'granted', limitMismatch: 4 } },
    { why: 'a limit of 0', create: { createLimit: 0 }, reply: { kind: 'granted', limitMismatch: 4 } },
    {
      why: 'another kind',
      create: { createLimit: 4, createBounded: false },
      reply: { kind: 'limit_conflict', limit: 4, bounded: true },
    },
    { why: 'what there is', create: { createLimit: 4 }, reply: { kind: 'granted', limitMismatch: null } },
    {
      why: 'no limit, of another kind',
      create: { createBounded: false },
      reply: { kind: 'granted', limitMismatch: null },
    },
  ])('are told of what they would create: $why', async ({ create, reply }) => {
    const replies = await Promise.all([
      acquire({ leaseId: a }),
      acquire({ leaseId: b, ...create }),
      acquire({ leaseId: c }),
    ])
    expect(replies).toMatchObject([granted(0), reply, granted(reply.kind === 'granted' ? 2 : 1)])
  })

  it('create the semaphore, those behind the first as well', async () => {
    await table.call('remove', { force: true })
    const replies = await Promise.all([
      acquire({ leaseId: a }),
      acquire({ leaseId: b, createLimit: 2 }),
      acquire({ leaseId: c }),
    ])
    expect(replies).toMatchObject([{ kind: 'semaphore_not_found' }, granted(0), granted(1)])
  })

  it('are told at once what another of them has created', async () => {
    await table.call('remove', { force: true })
    const replies = await Promise.all([
      acquire({ leaseId: a, createLimit: 2 }),
      acquire({ leaseId: b, createLimit: 0 }),
    ])
    expect(replies).toMatchObject([granted(0, { limitMismatch: null }), granted(1, { limitMismatch: 2 })])
  })

  it('wait for those behind an expired batch, each in its turn', async () => {
    for (const leaseId of [a, b, c, d]) await acquire({ leaseId, ttlMs: 100 })
    table.clock.advance(100)
    const batch = { batchMax: 1, enqueue: true }
    const replies = await Promise.all([
      acquire({ leaseId: e, permits: 4, ...batch }),
      acquire({ leaseId: d, permits: 1, ...batch }),
      acquire({ leaseId: c, permits: 1, ...batch }),
    ])
    expect(replies).toMatchObject([granted(0), { kind: 'queued', position: 1 }, { kind: 'queued', position: 2 }])
    expect(table.expired).toBe(4)
  })
})

describe('releases of one turn', () => {
  beforeEach(async () => {
    await table.call('configure', { limit: 4, bounded: '1' })
    await acquire({ leaseId: a, permits: 2 })
    await acquire({ leaseId: b })
    await acquire({ leaseId: c })
    table.clock.advance(30)
  })

  it('give all permits back, and leave what others hold', async () => {
    expect(await Promise.all([release(a), release(b)])).toEqual([
      { kind: 'released', permits: 2, heldMs: 30 },
      { kind: 'released', permits: 1, heldMs: 30 },
    ])
    expect(Object.keys((await leases()) as object)).toEqual([c])
    expect(Object.keys((await table.snapshot())['deadlines'] ?? {})).toEqual([c])
    expect(await state()).toMatchObject({ used: '1' })
  })

  it.each([
    { why: 'holds nothing', odd: d, kind: 'lease_not_held' },
    { why: 'was released by the one before', odd: a, kind: 'lease_not_held' },
  ])('are told apart where an id $why', async ({ odd, kind }) => {
    const replies = await Promise.all([release(a), release(odd), release(b)])
    expect(replies.map((reply) => reply.kind)).toEqual(['released', kind, 'released'])
    expect(await state()).toMatchObject({ used: '1' })
    expect(Object.keys(await table.snapshot())).toEqual(['deadlines', 'leases', 'state'])
  })

  it('retire the ids of those that ask for it, held or not', async () => {
    const replies = await Promise.all([release(a), release(b, true), release(d, true), release(c)])
    expect(replies.map((reply) => reply.kind)).toEqual(['released', 'released', 'lease_not_held', 'released'])
    expect(Object.keys(await table.snapshot())).toEqual([`retired:${b}`, `retired:${d}`, 'state'])
    const again = await Promise.all([a, b, c, d].map((leaseId) => acquire({ leaseId })))
    expect(again.map((reply) => reply.kind)).toEqual(['granted', 'wait_cancelled', 'granted', 'wait_cancelled'])
  })

  it('move the queue, which ends the wait of those behind in the turn', async () => {
    await acquire({ leaseId: d, permits: 2, enqueue: true })
    await acquire({ leaseId: e, permits: 4, enqueue: true })
    const replies = await Promise.all([release(a), release(d), release(e), release(b)])
    expect(replies).toMatchObject([
      { kind: 'released', permits: 2, heldMs: 30 },
      { kind: 'released', permits: 2, heldMs: 0 },
      { kind: 'cancelled', permits: 4 },
      { kind: 'released', permits: 1 },
    ])
    expect(await state()).toMatchObject({ used: '1' })
    expect(Object.keys(await table.snapshot())).toEqual(['deadlines', 'leases', `retired:${e}`, 'state'])
  })

  it('find out what has run out', async () => {
    table.clock.advance(30_000)
    const replies = await Promise.all([release(a), release(b)])
    expect(replies.map((reply) => reply.kind)).toEqual(['lease_not_held', 'lease_not_held'])
    expect(table.expired).toBe(3)
  })
})

describe('renewals of one turn', () => {
  it('push each deadline out by its own ttl', async () => {
    await acquire({ leaseId: a, createLimit: 2, ttlMs: 1_000 })
    await acquire({ leaseId: b, ttlMs: 1_000 })
    table.clock.advance(500)
    const replies = await Promise.all([renew(a, 2_000), renew(c, 5_000), renew(b, 3_000), renew(a, 100)])
    expect(replies).toMatchObject([
      { kind: 'renewed', expiresInMs: 2_000, ttlMs: 2_000 },
      { kind: 'lease_not_held' },
      { kind: 'renewed', expiresInMs: 3_000, ttlMs: 3_000 },
      { kind: 'renewed', expiresInMs: 2_000, ttlMs: 100 },
    ])
    const { nowMs } = table.clock
    expect((await table.snapshot())['deadlines']).toEqual({ [a]: String(nowMs + 2_000), [b]: String(nowMs + 3_000) })
  })
})
