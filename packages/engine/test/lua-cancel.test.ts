import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireArgs, leaseIds } from './acquire-args.js'
import { createScriptTable } from './script-table.js'
import type { ScriptTable } from './script-table.js'

const [a, b, c] = leaseIds

let table: ScriptTable
const acquire = (args: Parameters<typeof acquireArgs>[0]) => table.call('acquire', acquireArgs(args))
const queue = (args: Parameters<typeof acquireArgs>[0]) => acquire({ enqueue: true, ...args })
const release = (leaseId: string) => table.call('release', { leaseId, retire: false })
const cancel = (leaseId: string, attachment: string, unlessHeld = false) =>
  table.call('cancel', { leaseId, attachment, unlessHeld })
const held = async (): Promise<string[]> => Object.keys((await table.snapshot())['leases'] ?? {}).sort()
const waiting = async (): Promise<string[]> => Object.keys((await table.snapshot())['queue'] ?? {})
beforeEach(() => {
  table = createScriptTable()
})
afterEach(() => table.close())

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

  it('takes names for what they are, not for patterns', async () => {
    await acquire({ leaseId: a, createLimit: 1 })
    await queue({ leaseId: b, attachment: 'a-b.11' })
    expect(await cancel(b, 'a-b.1')).toEqual({ kind: 'not_attached' })
    expect(await cancel(b, 'a-b_11')).toEqual({ kind: 'not_attached' })
    expect(await cancel(b, 'a-b.11')).toEqual({ kind: 'left' })
  })

  it('of a head that was too big lets those behind it through', async () => {
    await acquire({ leaseId: a, createLimit: 3, permits: 2 })
    await queue({ leaseId: b, permits: 3 })
    await queue({ leaseId: c })
    expect(await cancel(b, 'r1.1')).toEqual({ kind: 'left' })
    expect(await held()).toEqual([a, c])
  })

  it('of one of two attachments leaves the lease to the other', async () => {
    await acquire({ leaseId: a, createLimit: 1 })
    await queue({ leaseId: b, attachment: 'r1.1' })
    await queue({ leaseId: b, attachment: 'r2.1' })
    await release(a)
    expect(await cancel(b, 'r1.1')).toEqual({ kind: 'detached' })
    expect((await table.snapshot())['leases']).toMatchObject({ [b]: expect.stringContaining(' r2.1 ') as unknown })
    expect(await cancel(b, 'r1.1')).toEqual({ kind: 'not_attached' })
    expect(await cancel(b, 'r2.1')).toEqual({ kind: 'returned' })
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
