import { randomUUID } from 'node:crypto'
import { startTestRedis, type TestRedis } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { madeBy } from '../../../scripts/vitest/made-by.js'
import { createEngine } from '../src/create-engine.js'
import type { Engine } from '../src/engine.js'
import { createRedisStore, type RedisStore } from '../src/redis/redis-store.js'

// What one operation costs, in counts that no machine and no neighbour changes: whoever makes it dearer learns so here, and not from a
// benchmark months later. Each is the mean of many: the look at the marker, once a second, then rounds away.
const operations = 200
const semaphore = 'cost'

interface Cost {
  /** Commands that the store sent. */
  readonly sent: number
  /** Commands that its scripts ran. */
  readonly inner: number
  readonly bytesToRedis: number
  readonly bytesFromRedis: number
}

let server: TestRedis
let redis: Redis
let store: RedisStore
let engine: Engine

beforeAll(async () => {
  // Its own: others would be counted along.
  server = await startTestRedis({ ownServer: true })
  redis = new Redis(server.url)
  store = createRedisStore({ url: server.url, keyPrefix: 'cost:' })
  await vi.waitFor(() => store.ping())
  // No heartbeat while it counts: it costs by the waiters there are.
  engine = createEngine({ store, replica: randomUUID(), settings: { heartbeatMs: 60_000 } })
})
afterAll(async () => {
  await engine.close()
  await store.close()
  redis.disconnect()
  await server.stop()
})

beforeEach(async () => {
  await engine.remove({ semaphore, force: true })
  await engine.configure({ semaphore, limit: operations, bounded: true })
  // The scripts are loaded, and the connections are open.
  const warm = await acquire()
  await renew(warm)
  await release(warm)
})

function begin(waitMs: number): { readonly leaseId: string; readonly isGranted: Promise<void> } {
  const leaseId = randomUUID()
  const attempt = engine.acquire({ semaphore, leaseId, permits: 1, ttlMs: 30_000, waitMs, holder: '', create: null })
  const isGranted = attempt.outcome.then(({ kind }) => {
    expect(kind).toBe('granted')
    attempt.delivered()
  })
  return { leaseId, isGranted }
}

async function acquire(): Promise<string> {
  const { leaseId, isGranted } = begin(0)
  await isGranted
  return leaseId
}

async function release(leaseId: string): Promise<void> {
  expect(await engine.release({ semaphore, leaseId, retire: false })).toMatchObject({ kind: 'released' })
}

async function renew(leaseId: string): Promise<void> {
  expect(await engine.renew({ semaphore, leaseId, ttlMs: 30_000 })).toMatchObject({ kind: 'renewed' })
}

async function counters(): Promise<Cost> {
  const commands = [...(await redis.info('commandstats')).matchAll(/^cmdstat_(\w+)\S*?:calls=(\d+)/gm)]
  const stats = await redis.info('stats')
  const bytesOf = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(stats)?.[1])
  const sum = (isMeant: (command: string) => boolean): number =>
    commands.reduce((total, [, command = '', calls]) => total + (isMeant(command) ? Number(calls) : 0), 0)
  return {
    sent: sum((command) => command === 'evalsha' || command === 'eval'),
    inner: sum((command) => !['evalsha', 'eval', 'script', 'info'].includes(command)),
    bytesToRedis: bytesOf('total_net_input_bytes'),
    bytesFromRedis: bytesOf('total_net_output_bytes'),
  }
}

/** The mean of so many operations. */
async function costOf(count: number, work: () => Promise<unknown>): Promise<Cost> {
  const first = await counters()
  const before = await counters()
  await work()
  const after = await counters()
  // Asking is counted as well.
  const own = (key: keyof Cost): number => before[key] - first[key]
  const mean = (key: keyof Cost): number => (after[key] - before[key] - own(key)) / count
  return {
    sent: Math.round(mean('sent')),
    inner: Math.round(mean('inner')),
    bytesToRedis: mean('bytesToRedis'),
    bytesFromRedis: mean('bytesFromRedis'),
  }
}

async function oneByOne<T>(these: readonly T[], work: (one: T) => Promise<unknown>): Promise<void> {
  for (const one of these) await work(one)
}

const turns = 20
/** As many as are one script. */
const together = 32
const each = Array.from({ length: operations }, (_, index) => index)

it('an acquire is one command', async () => {
  const cost = await costOf(operations, () => oneByOne(each, acquire))
  expect(cost).toMatchObject({ sent: 1, inner: 9 })
  expect(cost.bytesToRedis).toBeLessThan(560)
  expect(cost.bytesFromRedis).toBeLessThan(70)
})

describe('with leases', () => {
  let held: string[]
  beforeEach(async () => {
    held = await Promise.all(each.map(acquire))
  })

  it('a renewal is one command', async () => {
    const cost = await costOf(operations, () => oneByOne(held, renew))
    expect(cost).toMatchObject({ sent: 1, inner: 10 })
    expect(cost.bytesToRedis).toBeLessThan(370)
    expect(cost.bytesFromRedis).toBeLessThan(95)
  })

  it('a release is one command', async () => {
    const cost = await costOf(operations, () => oneByOne(held, release))
    expect(cost).toMatchObject({ sent: 1, inner: 8 })
    expect(cost.bytesToRedis).toBeLessThan(450)
    expect(cost.bytesFromRedis).toBeLessThan(35)
  })
})

it('an acquire and its release make so many promises, and no timer of their own', async () => {
  const made = await madeBy(operations, async () => {
    const begun = each.map(() => begin(0))
    await Promise.all(begun.map(({ isGranted }) => isGranted))
    await Promise.all(begun.map(({ leaseId }) => engine.release({ semaphore, leaseId, retire: false })))
  })
  expect(made.promises).toBeLessThan(19)
  expect(made.timers).toBeLessThan(0.2)
})

it('a release that grants a waiter is one command: it needs no other to learn of it', async () => {
  await engine.configure({ semaphore, limit: 1, bounded: null })
  let holder = await acquire()
  const waiting = each.map(() => begin(20_000))
  await vi.waitFor(async () => {
    expect(await engine.inspect({ semaphore })).toMatchObject({ state: { waiting: operations } })
  })
  const cost = await costOf(operations, () =>
    oneByOne(waiting, async (next) => {
      await Promise.all([release(holder), next.isGranted])
      holder = next.leaseId
    }),
  )
  expect(cost).toMatchObject({ sent: 1, inner: 22 })
  expect(cost.bytesToRedis).toBeLessThan(480)
  expect(cost.bytesFromRedis).toBeLessThan(235)
})

it('acquires of one turn are one command, and the script does no more for many', async () => {
  await engine.configure({ semaphore, limit: turns * together, bounded: null })
  const turn = () => Promise.all(Array.from({ length: together }, acquire))
  const cost = await costOf(turns, () => oneByOne(each.slice(0, turns), turn))
  expect(cost).toMatchObject({ sent: 1, inner: 9 })
  expect(cost.bytesToRedis / together).toBeLessThan(200)
  expect(cost.bytesFromRedis / together).toBeLessThan(55)
})
