import { createEngine } from '@signalbox/engine'
import type { FastifyInstance } from 'fastify'
import { buildApp } from './app.js'
import { ConfigError } from './config-error.js'
import { readConfig, type Config } from './config.js'
import { followCertificate, followKeyFile } from './follow-files.js'
import { KeyRing } from './key-ring.js'
import { findDashboard } from './find-dashboard.js'
import { createLog, type Log } from './log.js'
import { createMetrics } from './metrics.js'
import { openStore } from './open-store.js'
import { PrivateRedisError } from './private-redis.js'
import { stopServing, watchUnused } from './stop.js'
import type { Tracing } from './tracing/tracing.js'
import { welcome } from './welcome.js'

/**
 * npm passes on the Ctrl-C that the terminal has sent to every process: within this time it is the same one again. Later somebody is
 * impatient, and the process ends as in a crash.
 */
const echoMs = 500

async function serve(config: Config, log: Log): Promise<void> {
  const metrics = createMetrics()
  const opened = await openStore(config, log, metrics)
  const engine = createEngine({ store: opened.store, settings: config.engine, observer: metrics.observer })
  const tracing = await startTracing(config, engine.replica, log)
  let stopping = false
  let stopSince = 0
  const keyRing = new KeyRing(config.app.apiKeys)
  const { app: settings, tls, keyFile } = config
  const scheme = tls === null ? 'http' : 'https'
  const dashboard = findDashboard()
  const app = buildApp({
    engine: tracing?.traced(engine) ?? engine,
    ...(tracing === null ? {} : { instrument: tracing.instrument }),
    settings,
    keyRing,
    tls,
    metrics,
    logger: log,
    dashboard,
    isStopping: () => stopping,
  })
  const closeUnused = watchUnused(app.server)

  const stop = (signal: NodeJS.Signals) => {
    if (stopping) {
      if (performance.now() - stopSince > echoMs) process.exit(1)
      return
    }
    stopping = true
    stopSince = performance.now()
    log.info(`${signal}: stopping, within ${config.stopGraceMs} ms`)
    stopServing(app, engine, config.stopGraceMs, closeUnused)
      .then(() => opened.close())
      .then(() => tracing?.stop())
      .then(
        () => process.exit(0),
        (error: unknown) => fail(log, error),
      )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)

  try {
    await app.listen({
      host: config.host,
      port: config.port,
      listenTextResolver: () => `listening on ${urlOf(app, scheme)}`,
    })
  } catch (error) {
    await engine.close()
    await opened.close()
    throw error
  }
  if (keyFile !== null) followKeyFile(keyFile, keyRing, log)
  if (tls !== null) followCertificate(tls, app.server, log)
  process.stdout.write(welcome(urlOf(app, scheme), opened.choice, config.app, dashboard !== null))
  for (const warning of config.warnings) log.warn(warning)
  if (dashboard === null)
    log.warn('the dashboard is not built (npm run build -w @signalbox/dashboard): nothing is at /')
}

/** Loaded only where it is asked for. */
async function startTracing({ tracing }: Config, replica: string, log: Log): Promise<Tracing | null> {
  if (tracing === null) return null
  const loaded = await import('./tracing/tracing.js')
  return loaded.startTracing(tracing, replica, log)
}

function urlOf(app: FastifyInstance, scheme: 'http' | 'https'): string {
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new Error('listening, but on no port')
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `${scheme}://${host}:${address.port}`
}

/** What the user can put right is told in a sentence; anything else is a bug, with its stack. */
function fail(log: Log, error: unknown): never {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    const reason = { EADDRINUSE: 'in use', EACCES: 'not allowed', EADDRNOTAVAIL: 'not of this machine' }[code]
    const port = error instanceof Error && 'port' in error ? ` ${String(error.port)}` : ''
    process.stderr.write(`The address of HOST and PORT${port} is ${reason}: set PORT (or HOST) to another.\n`)
  } else if (error instanceof ConfigError || error instanceof PrivateRedisError) {
    process.stderr.write(`${error.message}\n`)
  } else {
    log.fatal({ err: error }, 'bug')
  }
  process.exit(1)
}

let log = createLog('info')
try {
  const config = readConfig()
  log = createLog(config.logLevel)
  const lost = (error: unknown) => fail(log, error)
  // State is the store's, so that going down is always safe, and going on in an unknown state never is.
  process.on('uncaughtException', lost)
  process.on('unhandledRejection', lost)
  await serve(config, log)
} catch (error) {
  fail(log, error)
}
