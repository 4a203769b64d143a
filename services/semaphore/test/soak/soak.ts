import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { randomUUID } from 'node:crypto'
import { createEngine, createRedisStore, type Engine } from '@signalbox/engine'
import { buildApp, createMetrics } from '@signalbox/semaphore-service'
import type { FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'

export interface SoakOptions {
  readonly names: number
  readonly cycles: number
  readonly redisUrl: string
  readonly say?: (line: string) => void
}

/** What there was after a short run, and what there is after a long one and the idle time. */
export interface SoakReport {
  readonly keys: Grown
  readonly heapBytes: Grown
  /** Lines of /metrics, without those of single semaphores. */
  readonly series: Grown
}

export interface Grown {
  readonly before: number
  readonly after: number
}

const atOnce = 64
/** So short that what nobody uses goes while one looks. */
const idleMs = 300
const warmUpCycles = 5_000

/**
 * Acquires and releases that many times, over that many names, on a service of its own with a real Redis: most through the engine, some over
 * HTTP, some with a second acquire that has to wait.
 */
export async function soak({ names, cycles, redisUrl, say = () => undefined }: SoakOptions): Promise<SoakReport> {
  const keyPrefix = `soak-${process.pid}:`
  const metrics = createMetrics()
  const { observer } = metrics
  const store = createRedisStore({ url: redisUrl, keyPrefix, settings: { idleMs }, observer })
  const engine = createEngine({ store, observer, settings: { graceMs: 500, heartbeatMs: 200 } })
  const app = buildApp({ engine, metrics })
  const redis = new Redis(redisUrl)
  const measure = async () => {
    const keys = await settledKeys(redis, keyPrefix)
    const text = await metrics.render(engine, { prefix: '', semaphoresMax: 0 })
    return { keys, heapBytes: heapAfterCollection(), series: text.split('\n').length }
  }
  try {
    await untilReachable(engine)
    await spin(engine, app, { names, cycles: warmUpCycles })
    const before = await measure()
    const startedAtMs = performance.now()
    await spin(engine, app, { names, cycles })
    say(`${cycles} cycles over ${names} names in ${((performance.now() - startedAtMs) / 1_000).toFixed(1)} s`)
    const after = await measure()
    return {
      keys: { before: before.keys, after: after.keys },
      heapBytes: { before: before.heapBytes, after: after.heapBytes },
      series: { before: before.series, after: after.series },
    }
  } finally {
    await app.close()
    await engine.close()
    await store.close()
    redis.disconnect()
  }
}

async function untilReachable(engine: Engine): Promise<void> {
  for (;;) {
    try {
      await engine.ping()
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

async function spin(
  engine: Engine,
  app: FastifyInstance,
  { names, cycles }: { names: number; cycles: number },
): Promise<void> {
  let next = 0
  const work = async () => {
    for (let cycle = next++; cycle < cycles; cycle = next++) {
      const semaphore = `name-${cycle % names}`
      if (cycle % 20 === 0) await overHttp(app, semaphore)
      else if (cycle % 20 === 1) await contended(engine, semaphore)
      else await once(engine, semaphore)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}

function acquired(engine: Engine, semaphore: string, limit = 100) {
  const leaseId = randomUUID()
  const create = { limit, bounded: true, onConflict: 'keep' } as const
  const attempt = engine.acquire({
    semaphore,
    leaseId,
    permits: 1,
    ttlMs: 60_000,
    waitMs: 60_000,
    holder: 'soak',
    create,
  })
  return { leaseId, attempt }
}

async function once(engine: Engine, semaphore: string): Promise<void> {
  const { leaseId, attempt } = acquired(engine, semaphore)
  await granted(attempt)
  await engine.release({ semaphore, leaseId, retire: false })
}

/** On a name of its own, whose limit is 1: the second waits for the first. */
async function contended(engine: Engine, name: string): Promise<void> {
  const semaphore = `contended-${name}`
  const first = acquired(engine, semaphore, 1)
  await granted(first.attempt)
  const second = acquired(engine, semaphore, 1)
  await engine.release({ semaphore, leaseId: first.leaseId, retire: false })
  await granted(second.attempt)
  await engine.release({ semaphore, leaseId: second.leaseId, retire: false })
}

async function granted(attempt: ReturnType<Engine['acquire']>): Promise<void> {
  const { kind } = await attempt.outcome
  if (kind !== 'granted') throw new Error(`not granted: ${kind}`)
  attempt.delivered()
}

async function overHttp(app: FastifyInstance, semaphore: string): Promise<void> {
  const leaseId = randomUUID()
  const post = async (call: string, body: object) => {
    const url = `/v1/semaphores/${semaphore}/${call}`
    const { statusCode } = await app.inject({ method: 'POST', url, payload: body })
    if (statusCode !== 200) throw new Error(`${call}: ${statusCode}`)
  }
  await post('acquire', { leaseId, create: { limit: 100 } })
  await post('release', { leaseId })
}

/** How many keys are left when no more go. */
async function settledKeys(redis: Redis, keyPrefix: string): Promise<number> {
  let count = Infinity
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 2 * idleMs))
    let now = 0
    for await (const keys of redis.scanStream({ match: `${keyPrefix}*`, count: 5_000 }))
      now += Array.isArray(keys) ? keys.length : 0
    if (now >= count) return now
    count = now
  }
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') throw new Error('this Node has no gc')
  // Twice: what finalizers let go of in the first goes in the second.
  for (let round = 0; round < 2; round += 1) Reflect.apply(collect, undefined, [])
  return process.memoryUsage().heapUsed
}
