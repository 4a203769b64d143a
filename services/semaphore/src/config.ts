import { readFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { defaultEngineSettings, defaultStoreSettings, type EngineSettings, type StoreSettings } from '@signalbox/engine'
import { defaultLimits } from '@signalbox/protocol'
import { z } from 'zod'
import { ApiKeyLineError, parseApiKeys, type ApiKey } from './api-keys.js'
import { flag, oneOf, optional, text, variableMeta, wholeNumber, type VariableMeta } from './config-values.js'
import { defaultAppSettings, type AppSettings } from './settings.js'
import { shown } from './shown.js'

const dayMs = 86_400_000
const ms = (fallback: number, meaning: string, { min = 1, max = dayMs }: { min?: number; max?: number } = {}) =>
  wholeNumber({ min, max, fallback }, meaning)
const bound = (fallback: number, meaning: string, max = 1_000_000) => wholeNumber({ min: 1, max, fallback }, meaning)

/** Every variable there is. docs/operations.md has the same table, and a test holds it to this one. */
const variables = z.object({
  HOST: text('127.0.0.1', {
    like: /^[A-Za-z0-9.:_%-]{1,255}$/,
    meaning: 'Address to listen on. Another than loopback needs API keys, or `SIGNALBOX_INSECURE=true`',
    may: 'an IP address or a host name',
  }),
  PORT: wholeNumber({ min: 0, max: 65_535, fallback: 7_600 }, 'Port to listen on; 0: any free one'),
  LOG_LEVEL: oneOf(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'info',
    'What is logged; `debug` logs every request, at a price',
  ),
  REDIS_URL: optional(
    {
      meaning: 'The store. Left out: a private redis-server or valkey-server if there is one, else memory',
      may: 'redis://[user:password@]host[:port][/database], or rediss:// for TLS',
      secret: true,
    },
    (url) => (URL.canParse(url) && /^rediss?:\/\/[^/]/.test(url) ? url : undefined),
  ),
  SIGNALBOX_KEY_PREFIX: text('signalbox:', {
    like: /^[A-Za-z0-9._:-]{1,64}$/,
    meaning: 'Before every key and channel in Redis; services with different prefixes share nothing',
    may: '1 to 64 of letters, digits and . _ : -',
  }),
  SIGNALBOX_DATA_DIR: text('.signalbox', {
    like: /^[^\0]+$/,
    meaning: 'Where a private redis-server keeps its data; one directory, one store',
    may: 'a path',
  }),
  SIGNALBOX_API_KEYS: optional(
    {
      meaning: 'Lines that `npm run keygen` printed, separated by `;`',
      may: 'lines that npm run keygen printed, separated by semicolons',
      secret: true,
    },
    (lines) => lines,
  ),
  SIGNALBOX_API_KEYS_FILE: optional(
    {
      meaning: 'A file of such lines, one each; `#` begins a comment. Read at the start',
      may: 'the path of a readable file',
    },
    (path) => path,
  ),
  SIGNALBOX_INSECURE: flag(
    'Without keys, listen and answer beyond loopback: whoever reaches the port may do everything',
  ),
  SIGNALBOX_TTL_MS_MAX: ms(defaultLimits.ttlMsMax, 'Longest ttl a caller may ask for', { max: 7 * dayMs }),
  SIGNALBOX_WAIT_MS_MAX: ms(defaultLimits.waitMsMax, 'Longest wait a caller may ask for', { max: 7 * dayMs }),
  SIGNALBOX_LIMIT_MAX: bound(defaultLimits.limitMax, 'Largest limit of a semaphore', 1_000_000_000),
  SIGNALBOX_HOLDER_LENGTH_MAX: bound(defaultLimits.holderLengthMax, 'Longest holder label, characters', 4_096),
  // More than a script can reply with at once.
  SIGNALBOX_PAGE_SIZE_MAX: bound(defaultLimits.pageSizeMax, 'Most items on one page of a listing', 1_000),
  SIGNALBOX_BODY_BYTES_MAX: wholeNumber(
    { min: 1_024, max: 1_048_576, fallback: defaultAppSettings.bodyBytesMax },
    'Largest body of a request, bytes',
  ),
  SIGNALBOX_QUEUE_MAX: bound(defaultStoreSettings.queueMax, 'Most waiters of one semaphore; beyond: 429 `QUEUE_FULL`'),
  SIGNALBOX_WAITERS_MAX: bound(
    defaultEngineSettings.waitersMax,
    'Most waiting requests at this replica; beyond: 503 `OVERLOADED`',
  ),
  SIGNALBOX_BATCH_MAX: bound(
    defaultStoreSettings.batchMax,
    'Most leases that one script expires, and most that it grants; the rest follow at once',
    5_000,
  ),
  SIGNALBOX_METRICS_SEMAPHORES_MAX: wholeNumber(
    { min: 0, max: 10_000, fallback: defaultAppSettings.metricsSemaphoresMax },
    'Most semaphores that `/metrics` names',
  ),
  SIGNALBOX_CAP_MS: ms(
    defaultEngineSettings.capMs,
    'Longest time one acquire is held open; keep it below the time-outs of proxies',
    {
      max: 3_600_000,
    },
  ),
  SIGNALBOX_GRACE_MS: ms(
    defaultStoreSettings.graceMs,
    'How long a waiter keeps its place without a request or a live replica',
    {
      min: 10,
      max: 600_000,
    },
  ),
  SIGNALBOX_HEARTBEAT_MS: ms(
    defaultEngineSettings.heartbeatMs,
    'Time between two heartbeats per semaphore somebody waits for; at most half of the grace',
    { min: 5, max: 300_000 },
  ),
  SIGNALBOX_IDLE_MS: ms(
    defaultStoreSettings.idleMs,
    'How long a semaphore that nobody configured survives its last use',
    {
      max: 365 * dayMs,
    },
  ),
  SIGNALBOX_RETIRE_MS: ms(defaultStoreSettings.retireMs, 'How long a retired lease id is refused', { min: 1_000 }),
  SIGNALBOX_REQUEST_ID_MS: ms(
    defaultStoreSettings.requestIdMs,
    'How long the requestId of an add-permits is remembered',
    { min: 1_000 },
  ),
  SIGNALBOX_COMMAND_TIMEOUT_MS: ms(2_000, 'How long a call of Redis may take; after it: 503 `STORE_UNAVAILABLE`', {
    min: 10,
    max: 60_000,
  }),
  SIGNALBOX_RECEIVE_TIMEOUT_MS: ms(
    defaultAppSettings.receiveTimeoutMs,
    'Within this time a request must have arrived whole',
    {
      min: 100,
      max: 300_000,
    },
  ),
  SIGNALBOX_STOP_GRACE_MS: ms(10_000, 'How long a stop waits for open requests before it cuts them', {
    min: 0,
    max: 600_000,
  }),
})

/** The SDK's own: read by programs that use it, and often set beside the service's. */
const sdkVariables = new Set(['SIGNALBOX_URL', 'SIGNALBOX_API_KEY', 'SIGNALBOX_HOLDER', 'SIGNALBOX_LOG'])

export interface Config {
  readonly host: string
  readonly port: number
  readonly logLevel: z.output<typeof variables>['LOG_LEVEL']
  readonly redisUrl: string | null
  readonly keyPrefix: string
  readonly dataDir: string
  /** Where programs are looked for. */
  readonly path: string
  readonly commandTimeoutMs: number
  readonly stopGraceMs: number
  readonly app: AppSettings
  readonly engine: EngineSettings
  readonly store: StoreSettings
  readonly warnings: readonly string[]
}

/** The start cannot go on. Each sentence names a variable, what it was (unless it is secret) and what it may be. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const names = Object.keys(variables.shape)
  // A compose file passes `X=${X:-}` for what is not set.
  const given = Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])))
  const result = variables.safeParse(given)
  if (!result.success)
    throw new ConfigError(result.error.issues.map((issue) => badValue(String(issue.path[0]), given)).join('\n'))
  const values = result.data
  if (values.SIGNALBOX_HEARTBEAT_MS * 2 > values.SIGNALBOX_GRACE_MS) {
    const detail = `SIGNALBOX_HEARTBEAT_MS is ${values.SIGNALBOX_HEARTBEAT_MS}; it may be at most half of SIGNALBOX_GRACE_MS (${values.SIGNALBOX_GRACE_MS}), or waiters of live replicas would be dropped.`
    throw new ConfigError(detail)
  }
  const apiKeys = readApiKeys(values.SIGNALBOX_API_KEYS, values.SIGNALBOX_API_KEYS_FILE)
  if (apiKeys.length === 0 && !values.SIGNALBOX_INSECURE && !isLoopback(values.HOST)) {
    const detail = `HOST is ${shown(values.HOST)} and there are no API keys: whoever reaches the port could do everything. Set SIGNALBOX_API_KEYS (npm run keygen makes them), or HOST=127.0.0.1, or, if something else keeps strangers out, SIGNALBOX_INSECURE=true.`
    throw new ConfigError(detail)
  }
  const unknown = Object.keys(env).filter(
    (name) => name.startsWith('SIGNALBOX_') && !names.includes(name) && !sdkVariables.has(name),
  )
  const warnings = unknown.map((name) => `There is no variable ${shown(name)}: it has no effect.`)
  return { ...settingsOf(values), path: env['PATH'] ?? '', app: appSettings(values, apiKeys), warnings }
}

function settingsOf(values: z.output<typeof variables>): Omit<Config, 'app' | 'warnings' | 'path'> {
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

function appSettings(values: z.output<typeof variables>, apiKeys: readonly ApiKey[]): AppSettings {
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
    apiKeys,
    insecure: values.SIGNALBOX_INSECURE,
    metricsSemaphoresMax: values.SIGNALBOX_METRICS_SEMAPHORES_MAX,
  }
}

function badValue(name: string, given: Readonly<Record<string, string | undefined>>): string {
  const meta = variableTable().find((variable) => variable.name === name)
  const was = meta?.secret === true ? 'not valid (its value is secret and not shown here)' : shown(given[name])
  return `${name} is ${was}; it may be ${meta?.may ?? 'something else'}.`
}

function readApiKeys(lines: string | null, file: string | null): ApiKey[] {
  const parse = (source: string, content: string) => {
    try {
      return parseApiKeys(content)
    } catch (error) {
      if (error instanceof ApiKeyLineError) throw new ConfigError(`${source}, ${error.message}.`)
      throw error
    }
  }
  const keys = lines === null ? [] : parse('SIGNALBOX_API_KEYS', lines)
  if (file === null) return keys
  let content: string
  try {
    content = readFileSync(file, 'utf8')
  } catch {
    throw new ConfigError(`SIGNALBOX_API_KEYS_FILE is ${shown(file)}; it may be the path of a readable file.`)
  }
  const fromFile = parse(`SIGNALBOX_API_KEYS_FILE ${shown(file)}`, content)
  // An empty file is a mistake, or a secret that was not mounted: not a wish to have no keys.
  if (fromFile.length === 0) throw new ConfigError(`SIGNALBOX_API_KEYS_FILE is ${shown(file)}, which holds no key.`)
  return [...keys, ...fromFile]
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

/** The variables as a table: for docs/operations.md, and for the test that compares it. */
export function variableTable(): (VariableMeta & { readonly name: string })[] {
  return Object.entries(variables.shape).flatMap(([name, schema]) => {
    const meta = variableMeta.get(schema)
    return meta === undefined ? [] : [{ name, ...meta }]
  })
}
