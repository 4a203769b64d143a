import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRedisStore } from '../src/redis/redis-store.js'
import type { RedisStore, RedisStoreOptions } from '../src/redis/redis-store.js'
import { createScriptTable, redisUrl } from './script-table.js'
import type { ScriptTable } from './script-table.js'

const replica = 'r1'
const create = { limit: 300, bounded: true, onConflict: 'keep' } as const

describe('calls of one turn of the event loop', () => {
  let table: ScriptTable
  let store: RedisStore
  const called = vi.fn<(event: { operation: string; ok: boolean }) => void>()
  const expired = vi.fn<(event: { leases: number }) => void>()

  function open(more: Partial<RedisStoreOptions> = {}): RedisStore {
    const observer = { called, expired }
    return createRedisStore({ url: redisUrl(), keyPrefix: table.keyPrefix, observer, ...table.virtualClock, ...more })
  }

  function acquire(
    number: number,
    more: { semaphore?: string; enqueue?: boolean; ttlMs?: number; permits?: number } = {},
  ) {
    const call = { semaphore: 's', leaseId: randomUUID(), permits: 1, ttlMs: 1_000, enqueue: false, holder: '' }
    return store.acquire({ ...call, create, attachment: { replica, number }, ...more })
  }

  const operations = (): string[] => called.mock.calls.map(([{ operation }]) => operation)

  beforeEach(async () => {
    table = createScriptTable()
    store = open()
    await vi.waitFor(() => store.ping())
    // The first call looks at the marker.
    await store.inspect({ semaphore: 's' })
    await acquire(0, { semaphore: 'first' })
    called.mockReset()
    expired.mockReset()
  })
  afterEach(async () => {
    await store.close()
    await table.close()
  })

  it('are one script for each kind and semaphore, and fences follow the order of the calls', async () => {
    const ids = Array.from({ length: 5 }, (_, number) => number)
    const replies = await Promise.all([...ids.map((id) => acquire(id)), acquire(9, { semaphore: 't' })])
    expect(operations()).toEqual(['acquire', 'acquire'])
    const fences = replies.slice(0, 5).map((reply) => (reply.kind === 'granted' ? reply.lease.fence : 0))
    expect(fences).toEqual(ids.map((id) => table.clock.nowUs + id))
  })

  it('are several scripts where they are many, so that the first is at work while the next is made', async () => {
    const replies = await Promise.all(Array.from({ length: 80 }, (_, number) => acquire(number)))
    expect(replies.map(({ kind }) => kind)).toEqual(Array.from(replies, () => 'granted'))
    expect(operations()).toEqual(['acquire', 'acquire', 'acquire'])
    expect(await store.inspect({ semaphore: 's' })).toMatchObject({ state: { used: 80 } })
  })

  it('come before any other call of their semaphore that is made after them', async () => {
    const leaseId = randomUUID()
    const attachment = { replica, number: 1 }
    const call = { semaphore: 's', leaseId, permits: 1, ttlMs: 1_000, enqueue: false, holder: '', create, attachment }
    const [acquired, ended] = await Promise.all([
      store.acquire(call),
      store.end({ semaphore: 's', leaseId, attachment, unlessHeld: false }),
    ])
    expect([acquired.kind, ended.kind]).toEqual(['granted', 'returned'])
  })

  it('that do not fit wait, and none behind them overtakes', async () => {
    await store.configure({ semaphore: 's', limit: 2, bounded: true })
    const replies = await Promise.all([1, 2, 3, 4].map((number) => acquire(number, { enqueue: true })))
    expect(replies.map(({ kind }) => kind)).toEqual(['granted', 'granted', 'queued', 'queued'])
    expect(replies.slice(2)).toMatchObject([{ position: 1 }, { position: 2 }])
  })

  it('that must be run again, for there was more to expire than one script may, keep their order', async () => {
    await store.close()
    store = open({ settings: { batchMax: 2 } })
    await vi.waitFor(() => store.ping())
    await store.configure({ semaphore: 's', limit: 9, bounded: true })
    await Promise.all([1, 2, 3, 4, 5].map((number) => acquire(number)))
    // Too many for a batch to add up how many permits they have.
    await Promise.all([6, 7, 8].map((number) => acquire(number, { ttlMs: 5_000, permits: number === 6 ? 2 : 1 })))
    table.clock.advance(1_000)
    called.mockReset()
    const big = { permits: 3, ttlMs: 1_000, enqueue: true, holder: '', create: null, semaphore: 's' }
    const [first, second, third] = await Promise.all([
      store.acquire({ ...big, leaseId: randomUUID(), attachment: { replica, number: 9 } }),
      store.acquire({ ...big, leaseId: randomUUID(), attachment: { replica, number: 10 } }),
      acquire(11),
    ])
    expect([first.kind, second.kind, third.kind]).toEqual(['granted', 'queued', 'busy'])
    expect(operations()).toEqual(['acquire', 'acquire', 'acquire'])
    expect(expired.mock.calls.reduce((sum, [{ leases }]) => sum + leases, 0)).toBe(5)
  })

  it('fail together, each with an error of its own', async () => {
    await store.close()
    const release = () => store.release({ semaphore: 's', leaseId: randomUUID(), retire: false })
    const results = await Promise.allSettled([release(), release()])
    const reasons = results.map((result) => (result.status === 'rejected' ? (result.reason as Error) : null))
    expect(reasons.map((reason) => reason?.name)).toEqual(['StoreUnavailableError', 'StoreUnavailableError'])
    expect(reasons[0]).not.toBe(reasons[1])
  })

  it('are told apart where one of them names the same id twice', async () => {
    const leaseId = randomUUID()
    const call = { semaphore: 's', leaseId, permits: 1, ttlMs: 1_000, enqueue: false, holder: '', create }
    const [first, second] = await Promise.all([
      store.acquire({ ...call, attachment: { replica, number: 1 } }),
      store.acquire({ ...call, attachment: { replica, number: 2 } }),
    ])
    expect(second).toEqual(first)
    const released = await Promise.all([1, 2].map(() => store.release({ semaphore: 's', leaseId, retire: false })))
    expect(released.map(({ kind }) => kind)).toEqual(['released', 'lease_not_held'])
    expect(await store.inspect({ semaphore: 's' })).toMatchObject({ state: { used: 0 } })
  })
})
