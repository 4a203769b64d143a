import { createEngine, type Store } from '@signalbox/engine'
import {
  buildApp,
  createMetrics,
  defaultAppSettings,
  makeApiKey,
  parseApiKeys,
  scopes,
} from '@signalbox/semaphore-service'
import type { FastifyBaseLogger } from 'fastify'
import type { OpenApi } from './operations.js'
import { verdictBy, type Verdict } from './verdict.js'

/** A service that listens, and what is to be known to attack it. */
export interface Target {
  readonly port: number
  readonly document: OpenApi
  readonly verdict: Verdict
  /** What a caller may say who it is; none: it has no keys. */
  readonly authorizations: readonly string[]
  /** What it has logged as an error: nothing that a caller sends is one. */
  readonly errors: readonly string[]
  /** Acquires that wait. */
  waiting(): number
  close(): Promise<void>
}

/** With waits, graces and time-outs so short that no request holds up the others. */
export async function openTarget(store: Store, { hasKeys = false } = {}): Promise<Target> {
  const errors: string[] = []
  const metrics = createMetrics()
  const engine = createEngine({
    store,
    observer: metrics.observer,
    settings: { capMs: 10, graceMs: 100, heartbeatMs: 40 },
  })
  const keys = hasKeys
    ? [makeApiKey({ name: 'all', scopes, prefix: '' }), makeApiKey({ name: 'some', scopes: ['acquire'], prefix: 'a' })]
    : []
  const app = buildApp({
    engine,
    metrics,
    settings: {
      receiveTimeoutMs: 300,
      apiKeys: keys.flatMap(({ line }) => parseApiKeys(line)),
      // An answer is waited for to its end, and a stream has none.
      events: { ...defaultAppSettings.events, streamsMax: 0 },
    },
    logger: errorLog(errors),
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new Error('listening on no port')
  const authorizations = keys.map(({ key }) => `Bearer ${key}`)
  const document = (
    await app.inject({ url: '/openapi.json', headers: { authorization: authorizations[0] ?? '' } })
  ).json<OpenApi>()
  return {
    port: address.port,
    document,
    verdict: verdictBy(document),
    authorizations,
    errors,
    waiting: () => engine.waiting,
    async close() {
      engine.stop()
      app.server.closeAllConnections()
      await app.close()
      await engine.close()
    },
  }
}

function errorLog(errors: string[]): FastifyBaseLogger {
  const ignore = () => undefined
  const note = (what: unknown) => {
    const error = typeof what === 'object' && what !== null && 'err' in what ? what.err : what
    errors.push(error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error))
  }
  const log: FastifyBaseLogger = {
    level: 'error',
    fatal: note,
    error: note,
    warn: ignore,
    info: ignore,
    debug: ignore,
    trace: ignore,
    silent: ignore,
    child: () => log,
  }
  return log
}
