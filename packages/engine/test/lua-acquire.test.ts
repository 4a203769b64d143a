import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createScriptTable } from './script-table.js'
import type { ScriptTable } from './script-table.js'
import { acquireArgs, leaseIds } from './acquire-args.js'

const [a, b, c] = leaseIds

describe('acquire', () => {
  let table: ScriptTable
  const acquire = (args: Partial<ReturnType<typeof acquireArgs>>) => table.call('acquire', acquireArgs(args))
  beforeEach(() => {
    table = createScriptTable()
  })
  afterEach(() => table.close())

  it('grants on an absent semaphore that it may create: the lease, and nothing else', async () => {
    const { nowMs, nowUs } = table.clock
    expect(await acquire({ leaseId: a, createLimit: 2, ttlMs: 500, attachment: 'r1.7', holder: 'host 12' })).toEqual({
      kind: 'granted',
      fence: nowUs,
      grantedAtMs: nowMs,
      limitMismatch: null,
    })
    expect(await table.snapshot()).toEqual({
      state: {
        limit: '2',
        initial: '2',
        bounded: '1',
        configured: '0',
        used: '1',
        grants: '1',
        fence: String(nowUs),
        arrivals: '0',
        lives_until: String(nowMs + 500 + 86_400_000 * (1 + 1 / 16)),
      },
      deadlines: { [a]: String(nowMs + 500) },
      leases: { [a]: `1 ${String(nowUs)} 500 ${String(nowMs)} r1.7 host 12` },
    })
  })

  it.each([
    { why: 'absent and not to be created', args: { createLimit: -1 }, reply: { kind: 'semaphore_not_found' } },
    {
      why: 'more than the limit it would create',
      args: { createLimit: 2, permits: 3 },
      reply: { kind: 'permits_exceed_limit', limit: 2 },
    },
    {
      why: 'more than one at limit 0',
      args: { createLimit: 0, permits: 2 },
      reply: { kind: 'permits_exceed_limit', limit: 0 },
    },
  ])('refuses and leaves nothing: $why', async ({ args, reply }) => {
    expect(await acquire(args)).toEqual(reply)
    expect(await table.snapshot()).toEqual({})
  })

  it.each([
    { why: 'another kind', args: { createBounded: false }, reply: { kind: 'limit_conflict', limit: 2, bounded: true } },
    {
      why: 'another limit, with onConflict error',
      args: { createLimit: 9, onConflict: 'error' },
      reply: { kind: 'limit_conflict', limit: 2, bounded: true },
    },
    {
      why: 'a limit of 0, with onConflict error',
      args: { createLimit: 0, onConflict: 'error' },
      reply: { kind: 'limit_conflict', limit: 2, bounded: true },
    },
    { why: 'more than the limit', args: { permits: 3 }, reply: { kind: 'permits_exceed_limit', limit: 2 } },
    {
      why: 'busy',
      args: { enqueue: false, permits: 2 },
      reply: { kind: 'busy', limit: 2, used: 1, waiting: 0, nearestInMs: 1_000 },
    },
    {
      why: 'the id with other permits',
      args: { leaseId: a, permits: 2 },
      reply: { kind: 'lease_id_conflict', permits: 1 },
    },
    {
      why: 'a full queue',
      args: { enqueue: true, permits: 2, queueMax: 0 },
      reply: { kind: 'queue_full', waiting: 0 },
    },
  ])('refuses and changes nothing: $why', async ({ args, reply }) => {
    await acquire({ leaseId: a, createLimit: 2, ttlMs: 1_000 })
    const before = await table.snapshot()
    expect(await acquire({ leaseId: b, createLimit: 2, ...args })).toEqual(reply)
    expect(await table.snapshot()).toEqual(before)
  })

  it('says of a counting semaphore that it is none of the bounded kind', async () => {
    await acquire({ leaseId: a, createLimit: 2, createBounded: false })
    const reply = { kind: 'limit_conflict', limit: 2, bounded: false }
    expect(await acquire({ leaseId: b, createLimit: 2, createBounded: true })).toEqual(reply)
    expect(await acquire({ leaseId: b, createLimit: 2, createBounded: false })).toMatchObject({ kind: 'granted' })
  })

  it('keeps what is there, and says which limit that is, until the value is the first or the current one', async () => {
    await acquire({ leaseId: a, createLimit: 5 })
    expect(await acquire({ leaseId: b, createLimit: 3 })).toMatchObject({ kind: 'granted', limitMismatch: 5 })
    await table.call('configure', { limit: 4, bounded: '' })
    expect(await acquire({ leaseId: c, createLimit: 5 })).toMatchObject({ kind: 'granted', limitMismatch: null })
    expect(await acquire({ leaseId: c, createLimit: 4, onConflict: 'error' })).toMatchObject({
      kind: 'held',
      limitMismatch: null,
    })
  })

  it('answers a repeat with the same lease before every other check, and adopts it', async () => {
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 1_000, attachment: 'r1.1' })
    const { lease } = { lease: (await table.snapshot())['deadlines'] }
    table.clock.advance(400)
    expect(
      await acquire({ leaseId: a, createLimit: 9, createBounded: false, ttlMs: 77, attachment: 'r2.1' }),
    ).toMatchObject({ kind: 'held', ttlMs: 1_000, expiresInMs: 600, limitMismatch: 1 })
    const after = await table.snapshot()
    expect(after['deadlines']).toEqual(lease)
    expect(after['leases']).toMatchObject({ [a]: expect.stringContaining(' - ') as string })
    expect(await table.call('cancel', { leaseId: a, attachment: 'r1.1', unlessHeld: false })).toEqual({
      kind: 'not_attached',
    })
  })

  it('answers a repeat with the same lease where there is room for another', async () => {
    const first = await acquire({ leaseId: a, createLimit: 3 })
    expect(await acquire({ leaseId: a })).toMatchObject({ ...first, kind: 'held', expiresInMs: 30_000 })
    expect((await table.snapshot())['state']).toMatchObject({ used: '1' })
  })

  it('lets the very request that was granted ask again without adopting its own lease', async () => {
    await acquire({ leaseId: a, createLimit: 1, attachment: 'r1.1' })
    await acquire({ leaseId: a, createLimit: 1, attachment: 'r1.1' })
    expect(await table.call('cancel', { leaseId: a, attachment: 'r1.1', unlessHeld: false })).toEqual({
      kind: 'returned',
    })
  })

  it('holds while now < deadline, to the millisecond', async () => {
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 1_000 })
    table.clock.advance(999)
    expect(await acquire({ leaseId: b })).toMatchObject({ kind: 'busy', used: 1, nearestInMs: 1 })
    table.clock.advance(1)
    expect(await acquire({ leaseId: b })).toMatchObject({ kind: 'granted' })
    expect(table.expired).toBe(1)
  })

  it('gives fences that grow when the clock stands still or steps back, also after a removal', async () => {
    const first = await acquire({ leaseId: a, createLimit: 3 })
    const second = await acquire({ leaseId: b })
    table.clock.advance(-5_000)
    const third = await acquire({ leaseId: c })
    const fences = [first, second, third].map((reply) => (reply.kind === 'granted' ? reply.fence : 0))
    const start = fences[0] ?? 0
    expect(fences).toEqual([start, start + 1, start + 2])
    await table.call('remove', { force: true })
    expect(Object.keys(await table.snapshot())).toEqual(['fence'])
    expect(await acquire({ leaseId: a, createLimit: 1 })).toMatchObject({ kind: 'granted', fence: start + 3 })
  })

  it('waits at limit 0 as the first to arrive, on a semaphore that it creates', async () => {
    const queued = { kind: 'queued', position: 1, nearestInMs: 10_000, limitMismatch: null }
    expect(await acquire({ leaseId: a, createLimit: 0, enqueue: true })).toMatchObject(queued)
    expect(await table.snapshot()).toMatchObject({ queue: { [a]: '1' }, state: { arrivals: '1' } })
  })

  it('is busy at limit 0 and creates the semaphore, so that permits can be added to it', async () => {
    expect(await acquire({ createLimit: 0, createBounded: false })).toMatchObject({ kind: 'busy', limit: 0 })
    expect(await table.call('addPermits', { permits: 1, limitMax: 10, requestId: a })).toMatchObject({ limit: 1 })
  })

  it('refuses a retired id in every state but gives no permit back for it', async () => {
    await acquire({ leaseId: a, createLimit: 1 })
    expect(await table.call('release', { leaseId: b, retire: true })).toEqual({ kind: 'lease_not_held' })
    expect(await acquire({ leaseId: b, enqueue: true })).toEqual({ kind: 'wait_cancelled' })
    const lastsMs = (await table.ttls())[`retired:${b}`]
    expect(lastsMs).toBeGreaterThan(50_000)
    expect(lastsMs).toBeLessThanOrEqual(60_000)
    expect((await table.snapshot())['state']).toMatchObject({ used: '1' })
  })
})
