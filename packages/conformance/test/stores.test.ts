import { randomUUID } from 'node:crypto'
import { createEngine, createMemoryStore, createRedisStore, type Store } from '@signalbox/engine'
import { startTestRedis, type TestRedis } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { afterAll, inject, vi } from 'vitest'
import { engineSubject, type Place, semaphoreSuite, type SuiteSettings } from '../src/index.js'

function placeOver(store: Store, settings: SuiteSettings, residue: () => Promise<number>): Place {
  const { capMs, graceMs, heartbeatMs, limitMax } = settings
  const waitersMax = 1_000
  const engines = [1, 2].map(() => createEngine({ store, settings: { capMs, graceMs, heartbeatMs, waitersMax } }))
  const [one, other] = engines.map((engine) => engineSubject(engine, limitMax))
  if (one === undefined || other === undefined) throw new Error('two engines were made')
  return {
    one,
    other,
    residue,
    async close() {
      await Promise.all(engines.map((engine) => engine.close()))
      await store.close()
    },
  }
}

semaphoreSuite('in memory', {
  lacks: [],
  async open(settings) {
    const store = createMemoryStore({ settings })
    return placeOver(store, settings, async () => store.size)
  },
})

/** The suite on a Redis, under a prefix of each place's own. */
function redisSuite(name: string, urlOf: () => Promise<string>, prefixOf: () => string): void {
  semaphoreSuite(name, {
    lacks: [],
    async open(settings) {
      const url = await urlOf()
      const keyPrefix = prefixOf()
      const store = createRedisStore({ url, keyPrefix, settings })
      // It connects in the background, and says "not now" until it has.
      await vi.waitFor(() => store.ping(), { timeout: 5_000, interval: 2 })
      const redis = new Redis(url)
      const keys = (): Promise<string[]> => redis.keys(`${keyPrefix}*`)
      // Beside its semaphores a store keeps its marker, for as long as it keeps data.
      const ofSemaphores = async () => (await keys()).filter((key) => key.startsWith(`${keyPrefix}{`))
      const place = placeOver(store, settings, async () => (await ofSemaphores()).length)
      return {
        ...place,
        async close() {
          await place.close()
          await Promise.all((await keys()).map((key) => redis.unlink(key)))
          redis.disconnect()
        },
      }
    },
  })
}

redisSuite(
  'in Redis',
  async () => inject('redisUrl'),
  () => `test-${randomUUID()}:`,
)

// Such a server refuses a script that touches keys of two slots, or a key that it was not given.
let cluster: Promise<TestRedis> | undefined
redisSuite(
  'in Redis in cluster mode, under a prefix of another form',
  async () => (await (cluster ??= startTestRedis({ cluster: true, say: () => undefined }))).url,
  () => `${randomUUID()}/`,
)
afterAll(async () => {
  await (await cluster)?.stop()
})
