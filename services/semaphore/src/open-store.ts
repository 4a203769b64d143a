import { createMemoryStore, createRedisStore, placeOfRedisUrl, type Store } from '@signalbox/engine'
import type { Config } from './config.js'
import type { Log } from './log.js'
import type { Metrics } from './metrics.js'
import { guardReport } from './guard-report.js'
import { watchStoreWarnings } from './store-warnings.js'
import { findRedisProgram, openPrivateRedis, type PrivateRedis } from './private-redis.js'
import { memoryNotice, type StoreChoice } from './welcome.js'

export interface OpenStore {
  readonly store: Store
  readonly choice: StoreChoice
  /** Closes it, and ends what it ran on. */
  close(): Promise<unknown>
}

/** REDIS_URL, else a server of this machine run privately, else memory. */
export async function openStore(config: Config, log: Log, metrics: Metrics): Promise<OpenStore> {
  const { observer } = metrics
  const { redisUrl, redisTls, keyPrefix, commandTimeoutMs, replication, store: settings } = config
  const shared = { keyPrefix, commandTimeoutMs, settings, observer, onGuard: guardReport(log, metrics) }
  if (redisUrl !== null) {
    const store = createRedisStore({
      ...shared,
      ...replication,
      url: redisUrl,
      ...(redisTls === null ? {} : { redis: { tls: redisTls } }),
    })
    watchStoreWarnings(store, log, metrics)
    return { store, choice: { kind: 'redis', place: placeOfRedisUrl(redisUrl) }, close: () => store.close() }
  }
  const program = findRedisProgram(config.path)
  if (program === null) {
    process.stdout.write(memoryNotice)
    const store = createMemoryStore({ settings, observer })
    return { store, choice: { kind: 'memory' }, close: () => store.close() }
  }
  const redis: PrivateRedis = await openPrivateRedis(program, config.dataDir, log)
  const store = createRedisStore({ ...shared, redis: { path: redis.socketPath } })
  watchStoreWarnings(store, log, metrics)
  const close = () => store.close().then(() => redis.stop())
  return { store, choice: { kind: 'private', program, ...redis }, close }
}
