import { createEngine, createRedisStore, type RedisStore } from '@signalbox/engine'
import { startTestRedis } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { randomUUID } from 'node:crypto'

export interface LossFigures {
  /** From a FLUSHALL until the last of two replicas grants nothing any more, ms, one for each loss. */
  readonly foundAfterMs: readonly number[]
  /** Permits of the semaphore granted in that time although all of them were held, one for each loss. */
  readonly granted: readonly number[]
}

const limit = 3
const create = { limit, bounded: true, onConflict: 'keep' } as const

/** Flushes a Redis under open connections, again and again, and counts what is granted until the replicas find it. */
export async function runLosses(losses: number): Promise<LossFigures> {
  const foundAfterMs: number[] = []
  const granted: number[] = []
  for (let loss = 0; loss < losses; loss += 1) {
    const server = await startTestRedis({ ownServer: true, say: () => undefined })
    const stores = [createRedisStore({ url: server.url }), createRedisStore({ url: server.url })]
    const engines = stores.map((store) => createEngine({ store }))
    const acquire = async (replica: number): Promise<boolean> => {
      const rest = { leaseId: randomUUID(), permits: 1, ttlMs: 60_000, waitMs: 0, holder: '', create }
      const attempt = engines[replica]?.acquire({ semaphore: 's', ...rest })
      const outcome = await attempt?.outcome.catch(() => null)
      attempt?.delivered()
      return outcome?.kind === 'granted'
    }
    // Until it is connected a call fails without letting anything else happen.
    for (let held = 0; held < limit; held += (await acquire(held % 2)) ? 1 : 0) await pass(5)
    await pass(Math.random() * 1_000)
    const redis = new Redis(server.url)
    await redis.flushall()
    const flushedAtMs = performance.now()
    let count = 0
    for (let calls = 0; !areGuarded(stores); calls += 1) count += (await acquire(calls % 2)) ? 1 : 0
    foundAfterMs.push(performance.now() - flushedAtMs)
    granted.push(count)
    redis.disconnect()
    await Promise.all(engines.map((engine) => engine.close()))
    await Promise.all(stores.map((store) => store.close()))
    await server.stop()
  }
  return { foundAfterMs, granted }
}

function areGuarded(stores: readonly RedisStore[]): boolean {
  return stores.every((store) => store.guardMs() > 0)
}

const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
