import { randomUUID } from 'node:crypto'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryStore } from '../src/memory/memory-store.js'
import { vouchedStore, type ToldLease } from '../src/redis/vouched-store.js'
import { type Notice, type Store, StoreUnavailableError } from '../src/store.js'

const attachment = { replica: 'r1', number: 1 }
const create = { limit: 1, bounded: true, onConflict: 'keep' } as const

describe('what a store tells as held', () => {
  let leaseId: string
  let bare: Store
  let told: ToldLease[][]
  /** What the voucher answers. */
  let before: () => Promise<void> | null
  let vouch: () => Promise<void> | null
  let vouchAbsent: () => Promise<void>
  let store: Store

  const acquire = (on: Store, id: string, ttlMs = 60_000) =>
    on.acquire({
      ...{ semaphore: 's', leaseId: id, permits: 1, ttlMs, enqueue: true, holder: '', create },
      attachment,
    })
  const refuse = (): Promise<void> => Promise.reject(new StoreUnavailableError('not vouched for'))
  const waiting = async (): Promise<number> => {
    const reply = await bare.inspect({ semaphore: 's' })
    return reply.kind === 'state' ? reply.state.waiting : 0
  }

  beforeEach(() => {
    leaseId = randomUUID()
    bare = createMemoryStore()
    told = []
    before = () => null
    vouch = () => null
    vouchAbsent = async () => undefined
    const voucher = {
      before: () => before(),
      vouch: (_semaphore: string, leases: readonly ToldLease[]) => {
        told.push([...leases])
        return vouch()
      },
      vouchAbsent: () => vouchAbsent(),
    }
    store = vouchedStore(bare, voucher, new Set())
  })

  /** Every call that may tell of a lease, made when `leaseId` has one. */
  const calls: Record<string, (on: Store) => Promise<unknown>> = {
    acquire: (on) => acquire(on, leaseId),
    renew: (on) => on.renew({ semaphore: 's', leaseId, ttlMs: 60_000 }),
    'the end of a wait': (on) => on.end({ semaphore: 's', leaseId, attachment, unlessHeld: true }),
    heartbeat: (on) => on.heartbeat({ semaphore: 's', replica: 'r1', open: [{ leaseId, number: 1 }] }),
  }

  it.each(Object.entries(calls))('%s is vouched for by its id and its lease', async (_what, call) => {
    await acquire(bare, leaseId)
    expect(await call(store)).toBeDefined()
    expect(told).toEqual([[{ leaseId, lease: expect.objectContaining({ permits: 1 }) as unknown }]])
  })

  it.each(Object.entries(calls))('%s rejects when it is not vouched for', async (_what, call) => {
    await acquire(bare, leaseId)
    vouch = refuse
    await expect(call(store)).rejects.toThrow('not vouched for')
  })

  it.each(Object.entries(calls))('%s is not sent while nothing may be told', async (_what, call) => {
    const spies = (['acquire', 'renew', 'end', 'heartbeat'] as const).map((name) => vi.spyOn(bare, name))
    store = vouchedStore(bare, { before: refuse, vouch: () => null, vouchAbsent: refuse }, new Set())
    await expect(call(store)).rejects.toThrow('not vouched for')
    for (const spy of spies) expect(spy).not.toHaveBeenCalled()
  })

  it('that there is no such semaphore is said only where it cannot have been lost', async () => {
    const acquireOnly = () =>
      store.acquire({
        semaphore: 'none',
        leaseId,
        permits: 1,
        ttlMs: 1,
        enqueue: true,
        holder: '',
        create: null,
        attachment,
      })
    expect(await acquireOnly()).toEqual({ kind: 'semaphore_not_found' })
    vouchAbsent = refuse
    await expect(acquireOnly()).rejects.toThrow('not vouched for')
  })

  it('what is not held needs no voucher', async () => {
    await acquire(bare, randomUUID())
    vouch = refuse
    expect(await acquire(store, leaseId)).toMatchObject({ kind: 'queued' })
    expect(await calls['heartbeat']?.(store)).toMatchObject({ states: [{ kind: 'waiting' }] })
    expect(await calls['renew']?.(store)).toEqual({ kind: 'lease_not_held' })
    expect(await calls['the end of a wait']?.(store)).toEqual({ kind: 'left' })
  })

  it('what gives back passes whatever the voucher says', async () => {
    const holder = randomUUID()
    await acquire(bare, holder)
    await acquire(bare, leaseId)
    before = refuse
    vouch = refuse
    expect(await store.end({ semaphore: 's', leaseId, attachment, unlessHeld: false })).toEqual({ kind: 'left' })
    expect(await store.release({ semaphore: 's', leaseId: holder, retire: false })).toMatchObject({ kind: 'released' })
  })

  it('a notice of a grant is heard once it is vouched for, and else never', async () => {
    const holder = randomUUID()
    const heard: Notice[] = []
    const unlisten = await store.listen('r1', (notice) => heard.push(notice))
    let vouched = (): void => undefined
    vouch = () => new Promise((resolve) => (vouched = resolve))
    const handOver = async (from: string, to: string): Promise<void> => {
      await acquire(bare, to)
      expect(await waiting()).toBe(1)
      await bare.release({ semaphore: 's', leaseId: from, retire: false })
    }
    await acquire(bare, holder)
    await handOver(holder, leaseId)
    await vi.waitFor(() => expect(told).toHaveLength(1))
    expect(heard).toEqual([])
    vouched()
    await vi.waitFor(() => expect(heard).toMatchObject([{ kind: 'granted', leaseId }]))
    vouch = refuse
    const next = randomUUID()
    await handOver(leaseId, next)
    await vi.waitFor(() => expect(told).toHaveLength(2))
    // And after the end nothing is heard, though it was vouched for.
    vouch = () => new Promise((resolve) => (vouched = resolve))
    await handOver(next, randomUUID())
    await vi.waitFor(() => expect(told).toHaveLength(3))
    await unlisten()
    vouched()
    await new Promise(setImmediate)
    expect(heard).toHaveLength(1)
  })
})
