import { isIPv4 } from 'node:net'
import type { EngineSettings, ReplicationSettings, StoreSettings } from '@signalbox/engine'
import type { ApiKey } from './api-keys.js'
import { ConfigError } from './config-error.js'
import { readApiKeys, readRedisTls, readTlsFiles, type RedisTls } from './config-files.js'
import type { KeyFile, TlsFiles } from './follow-files.js'
import { defaultAppSettings, type AppSettings } from './settings.js'
import { shown } from './shown.js'
import { readTracing, type SpanProtocol } from './tracing/tracing-choice.js'
import { variables, variableTable, type Variables } from './variables.js'

/** The SDK's own: read by programs that use it, and often set beside the service's. */
const sdkVariables = new Set(['SIGNALBOX_URL', 'SIGNALBOX_API_KEY', 'SIGNALBOX_HOLDER', 'SIGNALBOX_LOG'])

export interface Config {
  readonly host: string
  readonly port: number
  readonly logLevel: Variables['LOG_LEVEL']
  readonly redisUrl: string | null
  readonly redisTls: RedisTls | null
  /** Null: plain HTTP. */
  readonly tls: TlsFiles | null
  readonly keyFile: KeyFile | null
  readonly keyPrefix: string
  readonly dataDir: string
  /** Where programs are looked for. */
  readonly path: string
  readonly commandTimeoutMs: number
  readonly replication: ReplicationSettings
  readonly stopGraceMs: number
  readonly app: AppSettings
  readonly engine: EngineSettings
  readonly store: StoreSettings
  /** Null: no spans. */
  readonly tracing: SpanProtocol | null
  readonly warnings: readonly string[]
}

export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const names = Object.keys(variables.shape)
  // A compose file passes `X=${X:-}` for what is not set.
  const given = Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])))
  const result = variables.safeParse(given)
  if (!result.success)
    throw new ConfigError(
      result.error.issues.map(({ path, message }) => badValue(String(path[0]), message, given)).join('\n'),
    )
  const values = result.data
  if (values.SIGNALBOX_HEARTBEAT_MS * 2 > values.SIGNALBOX_GRACE_MS) {
    const detail = `SIGNALBOX_HEARTBEAT_MS is ${values.SIGNALBOX_HEARTBEAT_MS}; it may be at most half of SIGNALBOX_GRACE_MS (${values.SIGNALBOX_GRACE_MS}), or waiters of live replicas would be dropped.`
    throw new ConfigError(detail)
  }
  if (values.SIGNALBOX_IDLE_MS < values.SIGNALBOX_HEARTBEAT_MS * 2) {
    const detail = `SIGNALBOX_IDLE_MS is ${values.SIGNALBOX_IDLE_MS}; it may be no less than twice SIGNALBOX_HEARTBEAT_MS (${values.SIGNALBOX_HEARTBEAT_MS}), or a semaphore could go while somebody waits for it.`
    throw new ConfigError(detail)
  }
  const { apiKeys, keyFile } = readApiKeys(values.SIGNALBOX_API_KEYS, values.SIGNALBOX_API_KEYS_FILE)
  if (apiKeys.length === 0 && !values.SIGNALBOX_INSECURE && !isLoopback(values.HOST)) {
    const detail = `HOST is ${shown(values.HOST)} and there are no API keys: whoever reaches the port could do everything. Set SIGNALBOX_API_KEYS (npm run keygen makes them), or HOST=127.0.0.1, or, if something else keeps strangers out, SIGNALBOX_INSECURE=true.`
    throw new ConfigError(detail)
  }
  const unknown = Object.keys(env).filter(
    (name) => name.startsWith('SIGNALBOX_') && !names.includes(name) && !sdkVariables.has(name),
  )
  const warnings = unknown.map((name) => `There is no variable ${shown(name)}: it has no effect.`)
  const path = env['PATH'] ?? ''
  const { tracing, warnings: notTraced } = readTracing(env)
  return {
    ...settingsOf(values),
    ...filesOf(values),
    keyFile,
    path,
    app: appSettings(values, apiKeys),
    tracing,
    warnings: [...warnings, ...notTraced],
  }
}

function settingsOf(
  values: Variables,
): Omit<Config, 'app' | 'tracing' | 'warnings' | 'path' | 'keyFile' | 'tls' | 'redisTls'> {
  const graceMs = values.SIGNALBOX_GRACE_MS
  return {
    // One address, not the two that a resolver may give for it.
    host: values.HOST === 'localhost' ? '127.0.0.1' : values.HOST,
    port: values.PORT,
    logLevel: values.LOG_LEVEL,
    redisUrl: values.REDIS_URL,
    keyPrefix: values.SIGNALBOX_KEY_PREFIX,
    dataDir: values.SIGNALBOX_DATA_DIR,
    commandTimeoutMs: values.SIGNALBOX_COMMAND_TIMEOUT_MS,
    replication: {
      waitReplicas: values.SIGNALBOX_WAIT_REPLICAS,
      waitTimeoutMs: values.SIGNALBOX_WAIT_TIMEOUT_MS,
    },
    stopGraceMs: values.SIGNALBOX_STOP_GRACE_MS,
    engine: {
      capMs: values.SIGNALBOX_CAP_MS,
      heartbeatMs: values.SIGNALBOX_HEARTBEAT_MS,
      graceMs,
      waitersMax: values.SIGNALBOX_WAITERS_MAX,
    },
    store: {
      graceMs,
      idleMs: values.SIGNALBOX_IDLE_MS,
      retireMs: values.SIGNALBOX_RETIRE_MS,
      requestIdMs: values.SIGNALBOX_REQUEST_ID_MS,
      queueMax: values.SIGNALBOX_QUEUE_MAX,
      batchMax: values.SIGNALBOX_BATCH_MAX,
    },
  }
}

function filesOf(values: Variables): Pick<Config, 'tls' | 'redisTls'> {
  return {
    tls: readTlsFiles(
      { variable: 'SIGNALBOX_TLS_CERT_FILE', path: values.SIGNALBOX_TLS_CERT_FILE },
      { variable: 'SIGNALBOX_TLS_KEY_FILE', path: values.SIGNALBOX_TLS_KEY_FILE },
    ),
    redisTls: readRedisTls(values.REDIS_URL, {
      ca: values.SIGNALBOX_REDIS_TLS_CA_FILE,
      cert: values.SIGNALBOX_REDIS_TLS_CERT_FILE,
      key: values.SIGNALBOX_REDIS_TLS_KEY_FILE,
    }),
  }
}

function appSettings(values: Variables, apiKeys: readonly ApiKey[]): AppSettings {
  return {
    limits: {
      ttlMsMax: values.SIGNALBOX_TTL_MS_MAX,
      waitMsMax: values.SIGNALBOX_WAIT_MS_MAX,
      limitMax: values.SIGNALBOX_LIMIT_MAX,
      holderLengthMax: values.SIGNALBOX_HOLDER_LENGTH_MAX,
      pageSizeMax: values.SIGNALBOX_PAGE_SIZE_MAX,
    },
    bodyBytesMax: values.SIGNALBOX_BODY_BYTES_MAX,
    receiveTimeoutMs: values.SIGNALBOX_RECEIVE_TIMEOUT_MS,
    keepAliveMs: defaultAppSettings.keepAliveMs,
    // A wait is silent for the cap; beyond it come the calls of the store that decide its end.
    silenceMs: values.SIGNALBOX_CAP_MS + 10 * values.SIGNALBOX_COMMAND_TIMEOUT_MS + defaultAppSettings.keepAliveMs,
    connectionsMax: values.SIGNALBOX_CONNECTIONS_MAX,
    apiKeys,
    insecure: values.SIGNALBOX_INSECURE,
    metricsSemaphoresMax: values.SIGNALBOX_METRICS_SEMAPHORES_MAX,
    events: {
      ...defaultAppSettings.events,
      streamsMax: values.SIGNALBOX_EVENT_STREAMS_MAX,
      semaphoresMax: values.SIGNALBOX_EVENT_SEMAPHORES_MAX,
    },
    load: {
      eventLoopDelayMsMax: values.SIGNALBOX_EVENT_LOOP_DELAY_MS_MAX,
      storeCallsMax: values.SIGNALBOX_STORE_CALLS_MAX,
    },
  }
}

function badValue(name: string, why: string, given: Readonly<Record<string, string | undefined>>): string {
  const meta = variableTable().find((variable) => variable.name === name)
  const was = meta?.secret === true ? 'not valid (its value is secret and not shown here)' : shown(given[name])
  return `${name} is ${was}; ${why}`
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
