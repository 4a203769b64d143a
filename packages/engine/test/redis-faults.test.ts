import { randomUUID } from 'node:crypto'
import { startTcpProxy, startTestRedis } from '@signalbox/test-redis'
import type { TcpProxy, TestRedis } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRedisStore } from '../src/redis/redis-store.js'
import type { RedisStore, RedisStoreOptions } from '../src/redis/redis-store.js'
import { StoreUnavailableError } from '../src/store.js'
import type { AcquireCall } from '../src/store.js'

function acquireCall(leaseId: string): AcquireCall {
  const attachment = { replica: 'r1', number: 1 }
  const create = { limit: 2, bounded: true, onConflict: 'keep' } as const
  return { semaphore: 's', leaseId, permits: 1, ttlMs: 60_000, enqueue: false, attachment, holder: '', create }
}

/** Calls until the store answers again. */
async function untilBack<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  return vi.waitFor(call, { timeout: 5_000, interval: 10 })
}

describe('when Redis fails', () => {
  let redis: TestRedis
  let proxy: TcpProxy
  let admin: Redis
  let opened: RedisStore | undefined

  beforeAll(async () => {
    redis = await startTestRedis({ ownServer: true, say: () => undefined })
    admin = new Redis(redis.url)
  })
  afterAll(async () => {
    admin.disconnect()
    await redis.stop()
  })
  beforeEach(async () => {
    await admin.flushall()
    proxy = await startTcpProxy(redis)
  })
  afterEach(async () => {
    await opened?.close()
    await proxy.close()
  })

  function open(options: RedisStoreOptions = {}): RedisStore {
    opened = createRedisStore({ url: `redis://${proxy.host}:${proxy.port}`, commandTimeoutMs: 300, ...options })
    return opened
  }

  async function callsOf(command: string): Promise<number> {
    const stats = await admin.info('commandstats')
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
  }

  it('a script that the server forgot is loaded again and no caller sees an error', async () => {
    const store = open()
    await untilBack(() => store.ping())
    expect((await store.acquire(acquireCall(randomUUID()))).kind).toBe('granted')
    await admin.script('FLUSH')
    await admin.config('RESETSTAT')
    expect((await store.acquire(acquireCall(randomUUID()))).kind).toBe('granted')
    expect((await store.acquire(acquireCall(randomUUID()))).kind).toBe('busy')
    // the second call after the flush found the script loaded by the first
    expect([await callsOf('eval'), await callsOf('evalsha')]).toEqual([1, 2])
  })

  it('a lost reply rejects the call, and the script ran once', async () => {
    const store = open()
    await untilBack(() => store.ping())
    await store.acquire(acquireCall(randomUUID()))
    await admin.config('RESETSTAT')
    const leaseId = randomUUID()
    const lost = proxy.loseReplyTo(leaseId)
    await expect(store.acquire(acquireCall(leaseId))).rejects.toBeInstanceOf(StoreUnavailableError)
    await lost
    expect(await untilBack(() => store.inspect({ semaphore: 's' }))).toMatchObject({ state: { used: 2 } })
    expect(await callsOf('evalsha')).toBe(2)
    expect(await store.acquire(acquireCall(leaseId))).toMatchObject({ kind: 'granted', lease: { ttlMs: 60_000 } })
  })

  it('calls under way when the connection breaks reject at once and are not sent again', async () => {
    const store = open({ commandTimeoutMs: 5_000 })
    await untilBack(() => store.ping())
    proxy.delayMs = 100
    const calls = [randomUUID(), randomUUID()].map((leaseId) => store.acquire(acquireCall(leaseId)))
    const outcomes = Promise.allSettled(calls)
    await new Promise((resolve) => setTimeout(resolve, 20))
    proxy.cut()
    const cutAt = performance.now()
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(performance.now() - cutAt).toBeLessThan(1_000)
    proxy.heal()
    expect(await untilBack(() => store.inspect({ semaphore: 's' }))).toEqual({ kind: 'semaphore_not_found' })
  })

  it('a store without a server rejects at once, says why, and works when there is one', async () => {
    await proxy.refuse()
    const store = open()
    const startedAt = performance.now()
    await expect(store.acquire(acquireCall(randomUUID()))).rejects.toThrow('not connected yet')
    const error: unknown = await store.ping().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StoreUnavailableError)
    await vi.waitFor(() => expect(store.ping()).rejects.toThrow(/ECONNREFUSED/))
    await expect(store.acquire(acquireCall(randomUUID()))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await expect(store.listen('r1', () => undefined)).rejects.toBeInstanceOf(StoreUnavailableError)
    await expect(store.semaphores({ prefix: '', cursor: null, pageSize: 1 })).rejects.toBeInstanceOf(
      StoreUnavailableError,
    )
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    await proxy.accept()
    expect(await untilBack(() => store.acquire(acquireCall(randomUUID())))).toMatchObject({ kind: 'granted' })
  })

  it('a call made while a connection is being made does not wait for it', async () => {
    proxy.hold()
    const store = open({ commandTimeoutMs: 2_000 })
    await vi.waitFor(() => expect(proxy.connections).toBe(1))
    const startedAt = performance.now()
    await expect(store.acquire(acquireCall(randomUUID()))).rejects.toBeInstanceOf(StoreUnavailableError)
    await expect(store.ping()).rejects.toBeInstanceOf(StoreUnavailableError)
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    proxy.heal()
    await untilBack(() => store.ping())
    expect(await store.inspect({ semaphore: 's' })).toEqual({ kind: 'semaphore_not_found' })
  })

  it('a server that hangs is unavailable within the command time-out, and back when it goes on', async () => {
    const store = open()
    await untilBack(() => store.ping())
    await redis.pause()
    // By its own time-out, while the server hangs on.
    await expect(store.acquire(acquireCall(randomUUID()))).rejects.toThrow(/timed out/)
    // long enough for the socket time-out, and for connecting anew to fail as well
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    await expect(store.ping()).rejects.toBeInstanceOf(StoreUnavailableError)
    await redis.resume()
    expect(await untilBack(() => store.ping())).toMatch(/^(redis|valkey) \d/)
  })

  it('a peer that vanished without a word is given up and connected to anew', async () => {
    const store = open()
    await untilBack(() => store.ping())
    const connectionsBefore = proxy.connections
    proxy.hold()
    await expect(store.ping()).rejects.toBeInstanceOf(StoreUnavailableError)
    await vi.waitFor(() => expect(proxy.connections).toBeGreaterThan(connectionsBefore), { timeout: 3_000 })
    proxy.heal()
    await untilBack(() => store.ping())
  })

  it.each([
    ['is full', ['maxmemory', '1'], ['maxmemory', '0']],
    ['has too few Redis replicas', ['min-replicas-to-write', '1'], ['min-replicas-to-write', '0']],
  ] as const)('a server that %s is unavailable, not a bug', async (_, set, reset) => {
    const store = open()
    await untilBack(() => store.ping())
    await admin.config('SET', ...set)
    try {
      await expect(store.acquire(acquireCall(randomUUID()))).rejects.toBeInstanceOf(StoreUnavailableError)
    } finally {
      await admin.config('SET', ...reset)
    }
    expect((await store.acquire(acquireCall(randomUUID()))).kind).toBe('granted')
  })

  it('a server that became a Redis replica is unavailable, and connected to anew: its name may lead to another by then', async () => {
    const store = open()
    await untilBack(() => store.ping())
    const idOf = async (): Promise<string | undefined> =>
      /id=(\d+) [^\n]*name=signalbox /.exec(String(await admin.client('LIST')))?.[1]
    const before = await idOf()
    await admin.replicaof('127.0.0.1', 1)
    try {
      await expect(store.acquire(acquireCall(randomUUID()))).rejects.toThrow(/READONLY/)
      await vi.waitFor(async () => expect([undefined, before]).not.toContain(await idOf()), { timeout: 3_000 })
    } finally {
      await admin.replicaof('NO', 'ONE')
    }
    expect(await untilBack(() => store.acquire(acquireCall(randomUUID())))).toMatchObject({ kind: 'granted' })
  })

  it('an operator can look, and take a lease back, while the server is full', async () => {
    const store = open()
    await untilBack(() => store.ping())
    const granted = await store.acquire(acquireCall(randomUUID()))
    const fence = granted.kind === 'granted' ? granted.lease.fence : 0
    const page = { semaphore: 's', cursor: null, pageSize: 10 }
    await admin.config('SET', 'maxmemory', '1')
    try {
      expect(await store.inspect({ semaphore: 's' })).toMatchObject({ kind: 'state' })
      expect(await store.leases(page)).toMatchObject({ kind: 'page' })
      expect(await store.waiters(page)).toMatchObject({ kind: 'page' })
      expect(await store.revoke({ semaphore: 's', fence })).toMatchObject({ kind: 'released' })
    } finally {
      await admin.config('SET', 'maxmemory', '0')
    }
  })

  it('what is held stays renewed, and comes back, while the server is full', async () => {
    const store = open()
    await untilBack(() => store.ping())
    const leaseId = randomUUID()
    await store.acquire(acquireCall(leaseId))
    await admin.config('SET', 'maxmemory', '1')
    try {
      expect(await store.renew({ semaphore: 's', leaseId, ttlMs: 1_000 })).toMatchObject({ kind: 'renewed' })
      expect(await store.heartbeat({ semaphore: 's', replica: 'r', open: [] })).toMatchObject({ states: [] })
      expect(await store.release({ semaphore: 's', leaseId, retire: false })).toMatchObject({
        kind: 'released',
        permits: 1,
      })
    } finally {
      await admin.config('SET', 'maxmemory', '0')
    }
  })

  it('a bug in a script is an ordinary error, with what Redis said', async () => {
    const text = "#!lua\nreturn redis.call('HGET', KEYS[1])\n"
    const store = open({ texts: { inspect: { text, sha1: 'f'.repeat(40) } } })
    await untilBack(() => store.ping())
    const error: unknown = await store.inspect({ semaphore: 's' }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Error)
    expect(error).not.toBeInstanceOf(StoreUnavailableError)
    expect(String(error)).toMatch(/Redis refused inspect: ERR Wrong number of args/)
  })

  it('a subscription that the server refuses after a reconnect is asked for again', async () => {
    const store = open()
    const heard: string[] = []
    await untilBack(() => store.listen('r1', ({ kind }) => heard.push(kind)))
    await admin.acl('SETUSER', 'default', 'resetchannels')
    try {
      proxy.cut()
      await vi.waitFor(async () => expect(await admin.acl('LOG', '1')).toHaveLength(1), { timeout: 3_000 })
    } finally {
      await admin.acl('SETUSER', 'default', 'allchannels')
    }
    expect(heard).toEqual([])
    await vi.waitFor(() => expect(heard).toEqual(['gap']), { timeout: 3_000 })
  })

  it('a script that never gets through is given up', async () => {
    const text = "#!lua\nreturn {'again', 0}\n"
    const store = open({ texts: { inspect: { text, sha1: 'f'.repeat(40) } } })
    await untilBack(() => store.ping())
    await expect(store.inspect({ semaphore: 's' })).rejects.toThrow(/after 1000 batches/)
  }, 60_000)

  it('after close every call rejects', async () => {
    const store = open()
    await untilBack(() => store.ping())
    await store.close()
    await expect(store.ping()).rejects.toBeInstanceOf(StoreUnavailableError)
  })
})
