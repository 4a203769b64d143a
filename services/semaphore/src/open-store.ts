import { createMemoryStore, createRedisStore, placeOfRedisUrl, type RedisStore, type Store } from '@signalbox/engine'
import type { Config } from './config.js'
import type { Log } from './log.js'
import type { Metrics } from './metrics.js'
import { guardReport } from './guard-report.js'
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
    warnWhenReached(store, log)
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
  warnWhenReached(store, log)
  const close = () => store.close().then(() => redis.stop())
  return { store, choice: { kind: 'private', program, ...redis }, close }
}

/** A server that evicts or forgets is worth a line in the log, as soon as it can be asked; and until then one that says why it cannot. */
function warnWhenReached(store: RedisStore, log: Log): void {
  let failures = 0
  const ask = () => {
    store.warnings().then(
      (warnings) => warnings.forEach((warning) => log.warn(warning)),
      (error: unknown) => {
        failures += 1
        // Once; and the first failure is of a connection that is only being made.
        if (failures === 2) log.warn({ err: error }, 'The store cannot be reached; calls are 503 until it can.')
        setTimeout(ask, 1_000).unref()
      },
    )
  }
  ask()
}
