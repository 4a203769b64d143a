import { randomUUID } from 'node:crypto'
import { startTcpProxy } from '@signalbox/test-redis'
import type { TcpProxy } from '@signalbox/test-redis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRedisStore } from '../src/redis/redis-store.js'
import type { RedisStore } from '../src/redis/redis-store.js'
import type { Notice } from '../src/store.js'
import { createScriptTable } from './script-table.js'
import type { ScriptTable } from './script-table.js'

describe('what a replica hears', () => {
  let table: ScriptTable
  let proxy: TcpProxy
  let store: RedisStore
  let heard: Notice[]
  const hear = (notice: Notice): void => void heard.push(notice)

  beforeEach(async () => {
    table = createScriptTable()
    heard = []
    const { host = '', port = 0 } = table.redis.options
    proxy = await startTcpProxy({ host, port })
    store = createRedisStore({
      url: `redis://${proxy.host}:${proxy.port}`,
      keyPrefix: table.keyPrefix,
      commandTimeoutMs: 500,
    })
    await vi.waitFor(() => store.ping())
  })
  afterEach(async () => {
    await store.close()
    await proxy.close()
    await table.close()
  })

  /** One holds, the other waits for it, both at this replica. */
  async function holdAndWait(replica: string): Promise<{ first: string; second: string }> {
    const [first, second] = [randomUUID(), randomUUID()]
    const request = {
      ...{ semaphore: 's', permits: 1, ttlMs: 60_000, enqueue: true, holder: 'me' },
      create: { limit: 1, bounded: true, onConflict: 'keep' },
    } as const
    await store.acquire({ ...request, leaseId: first, attachment: { replica, number: 1 } })
    await store.acquire({ ...request, leaseId: second, attachment: { replica, number: 2 } })
    return { first, second }
  }

  const tell = (message: string): Promise<number> => table.redis.publish(`${table.keyPrefix}replica:r1`, message)

  it('every kind of notice, and nothing that it does not know', async () => {
    await store.listen('r1', hear)
    await tell('granted a:b 0-1 5,17 2 1700000000000123 500 1700000000000 1700000000500')
    await tell('cancelled a:b 0-1 5')
    await tell('deadline a:b 120')
    await tell('check a:b')
    await tell('rumour a:b')
    await tell('granted a:b 0-1')
    await tell('check z')
    await vi.waitFor(() => expect(heard.at(-1)).toEqual({ kind: 'check', semaphore: 'z' }))
    const lease = { permits: 2, fence: 1700000000000123, ttlMs: 500, grantedAtMs: 1700000000000 }
    expect(heard.slice(0, -1)).toEqual([
      {
        kind: 'granted',
        semaphore: 'a:b',
        leaseId: '0-1',
        numbers: [5, 17],
        lease: { ...lease, deadlineMs: 1700000000500, expiresInMs: 500 },
      },
      { kind: 'cancelled', semaphore: 'a:b', leaseId: '0-1', numbers: [5] },
      { kind: 'deadline', semaphore: 'a:b', inMs: 120 },
      { kind: 'check', semaphore: 'a:b' },
    ])
  })

  it('a grant from its own release, as it was made: with the reply, and not by its channel', async () => {
    await store.listen('r1', hear)
    const published = await table.listen('r1')
    const { first, second } = await holdAndWait('r1')
    await store.release({ semaphore: 's', leaseId: first, retire: false })
    expect(heard).toHaveLength(1)
    await tell('check s')
    await vi.waitFor(() => expect(published).toEqual(['check s']))
    await vi.waitFor(() => expect(heard.pop()).toEqual({ kind: 'check', semaphore: 's' }))
    const open = [{ leaseId: second, number: 2 }]
    const { states } = await store.heartbeat({ semaphore: 's', replica: 'r1', open })
    const [state] = states
    expect(state?.kind).toBe('granted')
    if (state?.kind !== 'granted') return
    const lease = { ...state.lease, expiresInMs: 60_000 }
    expect(heard).toEqual([{ kind: 'granted', semaphore: 's', leaseId: second, numbers: [2], lease }])
  })

  it('a grant to the waiter of another replica, by its channel', async () => {
    await store.listen('r2', hear)
    const published = await table.listen('r1')
    const { first, second } = await holdAndWait('r1')
    await store.release({ semaphore: 's', leaseId: first, retire: false })
    await vi.waitFor(() => expect(published).toEqual([expect.stringContaining(`granted s ${second} 2 `)]))
    expect(heard).toEqual([])
  })

  it('nothing of what another is told, though it is the only one left when the reply comes', async () => {
    const unlisten = await store.listen('r1', () => undefined)
    await store.listen('r2', hear)
    const { first } = await holdAndWait('r1')
    const releasing = store.release({ semaphore: 's', leaseId: first, retire: false })
    // Sent, and not answered yet.
    await new Promise(setImmediate)
    await Promise.all([unlisten(), releasing])
    expect(heard).toEqual([])
  })

  it('that it should ask, where a release was not answered: what that told is lost', async () => {
    await store.listen('r1', hear)
    const { first } = await holdAndWait('r1')
    const lost = proxy.loseReplyTo(first, { keepConnection: true })
    await expect(store.release({ semaphore: 's', leaseId: first, retire: false })).rejects.toThrow(/release/)
    await lost
    expect(heard).toEqual([{ kind: 'check', semaphore: 's' }])
  })

  it('a gap after every lost connection, and what comes after it', async () => {
    await store.listen('r1', hear)
    for (const times of [1, 2]) {
      proxy.cut()
      await vi.waitFor(() => expect(heard.filter(({ kind }) => kind === 'gap')).toHaveLength(times), { timeout: 3_000 })
    }
    expect(await tell('check a')).toBe(1)
    await vi.waitFor(() => expect(heard.at(-1)).toEqual({ kind: 'check', semaphore: 'a' }))
  })

  it('a gap also when the first subscription after a reconnect got no answer', async () => {
    await store.listen('r1', hear)
    const lost = proxy.loseReplyTo('subscribe', { keepConnection: true })
    proxy.cut()
    await lost
    await vi.waitFor(() => expect(heard).toEqual([{ kind: 'gap' }]), { timeout: 3_000 })
    expect(await tell('check a')).toBe(1)
  })

  it('nothing more when it does not listen any more', async () => {
    const stop = await store.listen('r1', hear)
    await stop()
    expect(await tell('check a')).toBe(0)
    await stop()
    const again = await store.listen('r1', hear)
    await tell('check b')
    await vi.waitFor(() => expect(heard).toEqual([{ kind: 'check', semaphore: 'b' }]))
    await again()
  })
})
