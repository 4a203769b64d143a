import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireArgs, leaseIds } from './acquire-args.js'
import { createScriptTable } from './script-table.js'
import type { ScriptTable } from './script-table.js'

const [a, b, c, d] = leaseIds

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

describe('list-leases and revoke', () => {
  const list = async (afterDeadlineMs: number, afterFence: number, pageSize: number) => {
    const reply = await table.call('listLeases', { afterDeadlineMs, afterFence, pageSize })
    if (reply.kind !== 'page') throw new Error(reply.kind)
    const items = []
    for (let i = 0; i < reply.items.length; i += 7) items.push(reply.items.slice(i, i + 7))
    return { more: reply.more, items }
  }

  it('pages through equal deadlines by fence, whatever their ids are', async () => {
    for (const leaseId of [d, b, c, a])
      await acquire({ leaseId, createLimit: 4, ttlMs: 1_000, holder: `of ${leaseId[0] ?? ''}` })
    const seen: (string | undefined)[] = []
    let [deadlineMs, fence] = [0, 0]
    for (let more = true; more;) {
      const page = await list(deadlineMs, fence, 1)
      const [item] = page.items
      seen.push(item?.[6])
      ;[deadlineMs, fence] = [Number(item?.[5]), Number(item?.[1])]
      more = page.more
    }
    expect(seen).toEqual(['of d', 'of b', 'of c', 'of a'])
  })

  it('lists only what is held, in the order of deadlines', async () => {
    await acquire({ leaseId: a, createLimit: 3, ttlMs: 3_000 })
    await acquire({ leaseId: b, ttlMs: 100 })
    await acquire({ leaseId: c, ttlMs: 2_000 })
    table.clock.advance(100)
    expect((await list(0, 0, 10)).items.map(([leaseId]) => leaseId)).toEqual([c, a])
    expect((await list(0, 0, 1)).more).toBe(true)
  })

  it('takes a lease back by id and fence together', async () => {
    const granted = await acquire({ leaseId: a, createLimit: 1 })
    const fence = granted.kind === 'granted' ? granted.fence : 0
    expect(await table.call('revoke', { leaseId: a, fence: fence - 1 })).toEqual({ kind: 'lease_not_held' })
    expect(await table.call('revoke', { leaseId: a, fence })).toMatchObject({ kind: 'released' })
    expect(await stateOf()).toMatchObject({ used: '0' })
  })
})

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

  it('is not put off by looking', async () => {
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 50_000 })
    await table.redis.pexpire(`${table.keyPrefix}{s}:state`, 5_000)
    await table.call('inspect', {})
    expect((await table.ttls())['state']).toBeLessThanOrEqual(5_000)
  })

  it('does not happen to what an operator defined', async () => {
    await acquire({ leaseId: a, createLimit: 1 })
    await table.call('configure', { limit: 3, bounded: '' })
    await acquire({ leaseId: b })
    expect(new Set(Object.values(await table.ttls()))).toEqual(new Set([-1]))
  })
})
