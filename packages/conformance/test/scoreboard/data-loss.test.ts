import { randomUUID } from 'node:crypto'
import { startTcpProxy, startTestRedis, type TestRedis } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startReplica, startReplicas, type Replica, type Reply } from './served.js'

const lookTimeoutMs = 10_000

async function ownRedis(): Promise<TestRedis> {
  const redis = await startTestRedis({ ownServer: true, say: () => undefined })
  onTestFinished(() => redis.stop())
  return redis
}

function connectTo({ url }: TestRedis): Redis {
  const redis = new Redis(url)
  onTestFinished(() => redis.disconnect())
  return redis
}

/** A lease as its caller sees it: on the test's clock it ends no sooner than this. */
interface Held {
  readonly fence: number
  readonly endsAtMs: number
}

async function hold(replica: Replica, semaphore: string, ttlMs: number): Promise<Held> {
  const sentAtMs = performance.now()
  const { status, body } = await replica.post(semaphore, 'acquire', { ttlMs, create: { limit: 2 } })
  expect(status).toBe(200)
  return { fence: Number(body['fence']), endsAtMs: sentAtMs + Number(body['expiresInMs']) }
}

interface Answered extends Reply {
  readonly sentAtMs: number
  readonly atMs: number
}

/** Callers that ask one after the other, at once again, until told to stop. */
function traffic(replicas: readonly Replica[], semaphore: string) {
  const answered: Answered[] = []
  let isOver = false
  const callers = replicas.map(async (replica) => {
    while (!isOver) {
      const sentAtMs = performance.now()
      const reply = await replica.post(semaphore, 'acquire', { ttlMs: 500, create: { limit: 2 } })
      answered.push({ ...reply, sentAtMs, atMs: performance.now() })
    }
  })
  return {
    answered,
    grantsSince: (fromMs: number) => answered.filter(({ status, sentAtMs }) => status === 200 && sentAtMs >= fromMs),
    async stop(): Promise<void> {
      isOver = true
      await Promise.all(callers)
    },
  }
}

const untilGuarded = (...replicas: readonly Replica[]) =>
  vi.waitFor(
    () => {
      for (const replica of replicas) expect(replica.store.guardMs()).toBeGreaterThan(0)
    },
    { timeout: lookTimeoutMs, interval: 5 },
  )

/** Until somebody holds who asked after the loss was found: and nobody may, before the leases of before have ended. */
async function expectNoGrantBefore(held: readonly Held[], { grantsSince }: ReturnType<typeof traffic>, fromMs: number) {
  await vi.waitFor(() => expect(grantsSince(fromMs)).not.toHaveLength(0), { timeout: 30_000, interval: 20 })
  const [first] = grantsSince(fromMs)
  expect(first?.atMs).toBeGreaterThan(Math.max(...held.map(({ endsAtMs }) => endsAtMs)))
  const fences = grantsSince(fromMs).map(({ body }) => Number(body['fence']))
  expect(Math.min(...fences)).toBeGreaterThan(Math.max(...held.map(({ fence }) => fence)))
}

describe('scoreboard: T17, Redis loses its data', () => {
  it('FLUSHALL in traffic: once found, nothing is granted until the leases of before have run out', async () => {
    const server = await ownRedis()
    const replicas = await startReplicas({ redisUrl: server.url })
    const held = [await hold(replicas[0], 'crew', 4_000), await hold(replicas[1], 'crew', 3_000)]
    const load = traffic(replicas, 'crew')
    await connectTo(server).flushall()
    await untilGuarded(...replicas)
    const foundAtMs = performance.now()
    const reply = await replicas[0].post('crew', 'acquire', {})
    expect(reply).toMatchObject({ status: 503, body: { code: 'STORE_RECOVERING' } })
    expect(reply.body['retryAfterMs']).toBeGreaterThan(0)
    await expectNoGrantBefore(held, load, foundAtMs)
    for (const replica of replicas) await vi.waitFor(() => hold(replica, 'another', 1_000), lookTimeoutMs)
    await load.stop()
    const codes = new Set(load.answered.map(({ body }) => body['code'] ?? 'held'))
    expect([...codes].sort()).toEqual(['PERMITS_UNAVAILABLE', 'STORE_RECOVERING', 'held'])
  })

  it('a restart without a file: not one grant before the leases of before have run out', async () => {
    const server = await ownRedis()
    const replicas = await startReplicas({ redisUrl: server.url })
    const held = [await hold(replicas[0], 'crew', 4_000), await hold(replicas[1], 'crew', 3_000)]
    const load = traffic(replicas, 'crew')
    await server.kill()
    const lostAtMs = performance.now()
    await server.restart()
    await expectNoGrantBefore(held, load, lostAtMs)
    await load.stop()
  })

  it('a failover to an empty Redis replica: not one grant before the leases of before have run out', async () => {
    const [primary, empty] = [await ownRedis(), await ownRedis()]
    const proxy = await startTcpProxy(primary)
    onTestFinished(() => proxy.close())
    const service = await startReplica({ redisUrl: `redis://${proxy.host}:${String(proxy.port)}` })
    const held = [await hold(service, 'crew', 3_000), await hold(service, 'crew', 3_000)]
    const load = traffic([service], 'crew')
    await connectTo(empty).replicaof('NO', 'ONE')
    const lostAtMs = performance.now()
    proxy.pointTo(empty)
    await expectNoGrantBefore(held, load, lostAtMs)
    await load.stop()
  })

  it('a replica that knew of no lease goes by what the other knew, and so does one that starts meanwhile', async () => {
    const server = await ownRedis()
    const keyPrefix = `scoreboard-${randomUUID()}:`
    const options = { redisUrl: server.url, keyPrefix }
    const [knows, other] = await startReplicas(options)
    await other.post('crew', 'acquire', {})
    const ttlMs = 30_000
    const { endsAtMs } = await hold(knows, 'crew', ttlMs)
    await connectTo(server).flushall()
    await vi.waitFor(() => expect(other.store.guardMs()).toBeGreaterThan(ttlMs / 2), lookTimeoutMs)
    const fresh = await startReplica(options)
    for (const replica of [other, fresh]) {
      const askedAtMs = performance.now()
      const acquired = await replica.post('crew', 'acquire', { create: { limit: 2 } })
      expect(acquired).toMatchObject({ status: 503, body: { code: 'STORE_RECOVERING' } })
      // Retry-After is the end of the guard, and that is not before the end of the lease.
      expect(askedAtMs + Number(acquired.body['retryAfterMs'])).toBeGreaterThan(endsAtMs - 1_000)
    }
  })

  it('meanwhile renew is 503, release is 410, and the service is ready and says why', async () => {
    const server = await ownRedis()
    const service = await startReplica({ redisUrl: server.url })
    const leaseId = randomUUID()
    await service.post('crew', 'acquire', { leaseId, ttlMs: 30_000, create: { limit: 1 } })
    await connectTo(server).flushall()
    await untilGuarded(service)
    expect(await service.post('crew', 'renew', { leaseId, ttlMs: 1_000 })).toMatchObject({
      status: 503,
      body: { code: 'STORE_RECOVERING' },
    })
    expect(await service.post('crew', 'release', { leaseId })).toMatchObject({
      status: 410,
      body: { code: 'LEASE_NOT_HELD' },
    })
    const ready = await fetch(`${service.url}/readyz`)
    expect(ready.status).toBe(200)
    expect(await ready.json()).toMatchObject({ status: 'recovering', recoversInMs: expect.any(Number) as number })
    const metrics = await (await fetch(`${service.url}/metrics`)).text()
    expect(metrics).toMatch(/^signalbox_store_guard_seconds [1-9]/m)
  })

  it('another marker than before (a backup, another server) is a loss too', async () => {
    const server = await ownRedis()
    const keyPrefix = `scoreboard-${randomUUID()}:`
    const service = await startReplica({ redisUrl: server.url, keyPrefix })
    const held = [await hold(service, 'crew', 3_000)]
    const load = traffic([service], 'crew')
    await connectTo(server).hset(`${keyPrefix}marker:{}`, 'id', 'of another')
    await untilGuarded(service)
    await expectNoGrantBefore(held, load, performance.now())
    await load.stop()
  })

  it('a guard that an operator ends is over', async () => {
    const server = await ownRedis()
    const keyPrefix = `scoreboard-${randomUUID()}:`
    const service = await startReplica({ redisUrl: server.url, keyPrefix })
    const { endsAtMs } = await hold(service, 'crew', 60_000)
    const redis = connectTo(server)
    await redis.flushall()
    await untilGuarded(service)
    await redis.hdel(`${keyPrefix}marker:{}`, 'guarded_until')
    await vi.waitFor(() => hold(service, 'crew', 1_000), { timeout: lookTimeoutMs, interval: 50 })
    expect(performance.now()).toBeLessThan(endsAtMs)
  })

  it('a fence ahead of the clock is waited for: fences still grow', async () => {
    const server = await ownRedis()
    const keyPrefix = `scoreboard-${randomUUID()}:`
    const service = await startReplica({ redisUrl: server.url, keyPrefix })
    await service.put('crew', { limit: 1 })
    const redis = connectTo(server)
    // As if the clock had been ahead when it was granted.
    await redis.hset(`${keyPrefix}{crew}:state`, 'fence', String((Date.now() + 4_000) * 1_000))
    const held = [await hold(service, 'crew', 10)]
    await redis.flushall()
    await untilGuarded(service)
    const load = traffic([service], 'crew')
    await expectNoGrantBefore(held, load, performance.now())
    await load.stop()
  })

  it('who waited asks again by itself when it is over, and its semaphore is made anew', async () => {
    const server = await ownRedis()
    const service = await startReplica({ redisUrl: server.url })
    const { endsAtMs } = await hold(service, 'crew', 5_000)
    await hold(service, 'crew', 5_000)
    const waiting = service.post('crew', 'acquire', { waitMs: 20_000, create: { limit: 2 } })
    const impatient = service.post('crew', 'acquire', { waitMs: 2_500, create: { limit: 2 } })
    await vi.waitFor(async () => expect(await service.inspect('crew')).toMatchObject({ waiting: 2 }))
    await connectTo(server).flushall()
    await untilGuarded(service)
    // Its time was over before the guard was: down is never "busy".
    expect(await impatient).toMatchObject({ status: 503, body: { code: 'STORE_RECOVERING' } })
    expect((await waiting).status).toBe(200)
    expect(performance.now()).toBeGreaterThan(endsAtMs)
  })
})

describe('scoreboard: T17, what was begun before the loss was found', () => {
  it('who queued behind a lease of the time after the loss is told of no grant before the guard is over', async () => {
    const server = await ownRedis()
    const service = await startReplica({ redisUrl: server.url, engine: { heartbeatMs: 100 } })
    await service.put('crew', { limit: 1 })
    const { endsAtMs } = await hold(service, 'crew', 4_000)
    await connectTo(server).flushall()
    const leaseId = randomUUID()
    const inBetween = { leaseId, ttlMs: 3_000, create: { limit: 1 } }
    expect((await service.post('crew', 'acquire', inBetween)).status).toBe(200)
    const queued = service.post('crew', 'acquire', { waitMs: 20_000 })
    await vi.waitFor(async () => expect(await service.inspect('crew')).toMatchObject({ waiting: 1 }))
    await untilGuarded(service)
    expect((await service.post('crew', 'release', { leaseId })).status).toBe(200)
    expect(await service.inspect('crew')).toMatchObject({ used: 1, waiting: 0 })
    expect((await queued).status).toBe(200)
    expect(performance.now()).toBeGreaterThan(endsAtMs)
  })
})

describe('what a loss of data still costs', () => {
  it('does not stop a grant between a FLUSHALL and the next look, up to a second later', async () => {
    const server = await ownRedis()
    const service = await startReplica({ redisUrl: server.url })
    const held = await hold(service, 'crew', 30_000)
    await hold(service, 'crew', 30_000)
    const redis = connectTo(server)
    const looks = async () => /cmdstat_hmget:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1]
    const before = await looks()
    await vi.waitFor(async () => expect(await looks()).not.toBe(before), { timeout: lookTimeoutMs, interval: 2 })
    await redis.flushall()
    expect((await hold(service, 'crew', 1_000)).fence).toBeGreaterThan(held.fence)
    expect(performance.now()).toBeLessThan(held.endsAtMs)
  })

  it('does not notice a loss that only replicas meet which have seen nothing before', async () => {
    const server = await ownRedis()
    const keyPrefix = `scoreboard-${randomUUID()}:`
    const options = { redisUrl: server.url, keyPrefix }
    const proxy = await startTcpProxy(server)
    onTestFinished(() => proxy.close())
    const gone = await startReplica({ ...options, redisUrl: `redis://${proxy.host}:${String(proxy.port)}` })
    const held = [await hold(gone, 'crew', 30_000), await hold(gone, 'crew', 30_000)]
    await proxy.refuse()
    await connectTo(server).flushall()
    await hold(await startReplica(options), 'crew', 1_000)
    expect(performance.now()).toBeLessThan(Math.min(...held.map(({ endsAtMs }) => endsAtMs)))
  })
})
