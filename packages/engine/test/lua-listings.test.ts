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

  it('tells all of a lease but who may release it', async () => {
    const { nowMs, nowUs } = table.clock
    await acquire({ leaseId: a, permits: 2, createLimit: 3, ttlMs: 3_000, holder: 'me' })
    table.clock.advance(100)
    expect(await list(0, 0, 1)).toEqual({
      more: false,
      items: [[a, String(nowUs), '2', String(nowMs), '100', String(nowMs + 3_000), 'me']],
    })
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
    table.clock.advance(70)
    expect(await table.call('revoke', { leaseId: a, fence })).toEqual({ kind: 'released', permits: 1, heldMs: 70 })
    expect(await stateOf()).toMatchObject({ used: '0' })
  })

  it('gives a lease that was taken back to the next waiter', async () => {
    const granted = await acquire({ leaseId: a, createLimit: 1 })
    await acquire({ leaseId: b, enqueue: true })
    await table.call('revoke', { leaseId: a, fence: granted.kind === 'granted' ? granted.fence : 0 })
    expect(Object.keys((await table.snapshot())['leases'] ?? {})).toEqual([b])
  })
})

describe('list-waiters', () => {
  const list = (afterArrival: number, pageSize: number) => table.call('listWaiters', { afterArrival, pageSize })

  it('pages through the queue, each with its place in it', async () => {
    const { nowMs } = table.clock
    await acquire({ leaseId: a, createLimit: 3, permits: 3 })
    for (const [index, leaseId] of [d, b, c].entries()) {
      await acquire({ leaseId, permits: index + 1, enqueue: true, holder: `of ${leaseId[0] ?? ''}` })
    }
    table.clock.advance(70)
    const rows = [
      ['1', '1', '1', String(nowMs), '70', 'of d'],
      ['2', '2', '2', String(nowMs), '70', 'of b'],
      ['3', '3', '3', String(nowMs), '70', 'of c'],
    ]
    expect(await table.call('inspect', {})).toMatchObject({ waiting: 3, oldestWaitMs: 70 })
    expect(await list(0, 2)).toEqual({ kind: 'page', more: true, items: rows.slice(0, 2).flat() })
    expect(await list(2, 2)).toEqual({ kind: 'page', more: false, items: rows.slice(2).flat() })
    expect(await list(3, 2)).toEqual({ kind: 'page', more: false, items: [] })
    expect(await list(0, 3)).toMatchObject({ more: false })
    // Before it came, by a clock that was stepped back: nobody has waited for less than no time.
    table.clock.advance(-100)
    expect(await list(2, 2)).toMatchObject({ items: ['3', '3', '3', String(nowMs), '0', 'of c'] })
  })
})

describe('a look', () => {
  it.each([
    { what: 'inspect', look: () => table.call('inspect', {}) },
    { what: 'list-leases', look: () => table.call('listLeases', { afterDeadlineMs: 0, afterFence: 0, pageSize: 9 }) },
    { what: 'list-waiters', look: () => table.call('listWaiters', { afterArrival: 0, pageSize: 9 }) },
  ])('that drops the last waiter, whose replica died, leaves nothing of it: $what', async ({ look }) => {
    await acquire({ leaseId: a, createLimit: 1, ttlMs: 60_000 })
    await acquire({ leaseId: b, enqueue: true })
    expect(await table.snapshot()).toMatchObject({
      queue: expect.anything() as object,
      replicas: expect.anything() as object,
    })
    table.clock.advance(20_000)
    await look()
    expect(Object.keys(await table.snapshot()).sort()).toEqual(['deadlines', 'leases', 'state'])
    expect(await stateOf()).toMatchObject({ used: '1', nearest: '' })
  })
})
