import type { RedisStore, StoreWarning } from '@signalbox/engine'
import type { Log } from './log.js'
import type { Metrics } from './metrics.js'

const againMs = 60_000
const againUnreachedMs = 1_000

/**
 * Tells, in the log and the metrics, of servers that evict or forget: as soon as they can be asked, and again every minute, for another server may have
 * taken over. The log has each once while it lasts; and until the first answer one line that says why there is none.
 */
export function watchStoreWarnings(
  store: Pick<RedisStore, 'warnings'>,
  log: Pick<Log, 'warn'>,
  metrics: Pick<Metrics, 'storeWarned'>,
): void {
  let failures = 0
  let known: ReadonlySet<string> = new Set()
  const answered = (warnings: readonly StoreWarning[]): void => {
    for (const { text } of warnings) if (!known.has(text)) log.warn(text)
    known = new Set(warnings.map(({ text }) => text))
    metrics.storeWarned(warnings)
    failures = Infinity
    setTimeout(ask, againMs).unref()
  }
  const failed = (error: unknown): void => {
    failures += 1
    // Once; and the first failure is of a connection that is only being made.
    if (failures === 2) log.warn({ err: error }, 'The store cannot be reached; calls are 503 until it can.')
    setTimeout(ask, failures === Infinity ? againMs : againUnreachedMs).unref()
  }
  const ask = (): void => void store.warnings().then(answered, failed)
  ask()
}
