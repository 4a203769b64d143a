import {
  defaultEngineSettings,
  defaultStoreSettings,
  parseRedisUrl,
  RedisUrlError,
  redisUrlForms,
} from '@signalbox/engine'
import { defaultLimits, defaults, longPoll } from '@signalbox/protocol'
import { z } from 'zod'
import { flag, oneOf, optional, text, variableMeta, wholeNumber, type VariableMeta } from './config-values.js'
import { defaultAppSettings } from './settings.js'

const dayMs = 86_400_000
const ms = (fallback: number, meaning: string, { min = 1, max = dayMs }: { min?: number; max?: number } = {}) =>
  wholeNumber({ min, max, fallback }, meaning)
const file = (meaning: string) => optional({ meaning, may: 'the path of a readable file' }, (path) => path)
const bound = (fallback: number, meaning: string, max = 1_000_000) => wholeNumber({ min: 1, max, fallback }, meaning)

function readRedisUrl(url: string): string | Error {
  try {
    parseRedisUrl(url)
    return url
  } catch (error) {
    if (error instanceof RedisUrlError) return error
    throw error
  }
}

/** Every variable there is. docs/operations.md has the same table, and a test holds it to this one. */
export const variables = z.object({
  HOST: text('127.0.0.1', {
    like: /^[A-Za-z0-9.:_%-]{1,255}$/,
    meaning: 'Address to listen on. Any but loopback needs API keys, or `SIGNALBOX_INSECURE=true`',
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
      meaning: 'The store. Not set: a private redis-server or valkey-server from the PATH, else memory',
      may: redisUrlForms,
      secret: true,
    },
    readRedisUrl,
  ),
  SIGNALBOX_REDIS_TLS_CA_FILE: file('For `rediss://`: trust these authorities in place of the machine’s. PEM'),
  SIGNALBOX_REDIS_TLS_CERT_FILE: file('For `rediss://`: the service’s certificate, if Redis asks for one. PEM'),
  SIGNALBOX_REDIS_TLS_KEY_FILE: file('The key of that certificate. PEM'),
  SIGNALBOX_KEY_PREFIX: text('signalbox:', {
    like: /^[A-Za-z0-9._:-]{1,64}$/,
    meaning: 'Before every key and channel in Redis; services with different prefixes share nothing',
    may: '1 to 64 of letters, digits and . _ : -',
  }),
  SIGNALBOX_DATA_DIR: text('.signalbox', {
    like: /^[^\0]+$/,
    meaning: 'Where a private redis-server keeps its data. One directory is one store',
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
  SIGNALBOX_API_KEYS_FILE: file('A file of such lines, one each; `#` begins a comment. Read again when it changes'),
  SIGNALBOX_TLS_CERT_FILE: file('Serve HTTPS with this certificate and its chain. PEM; read again when it changes'),
  SIGNALBOX_TLS_KEY_FILE: file('The key of that certificate, without a passphrase. PEM; read again when it changes'),
  SIGNALBOX_INSECURE: flag('Serve beyond loopback without keys: everybody who reaches the port may do everything'),
  // No maximum may be less than what the SDK sends of its own accord: each of its acquires would be a 400.
  SIGNALBOX_TTL_MS_MAX: ms(defaultLimits.ttlMsMax, 'Longest ttl a caller may ask for', {
    min: defaults.ttlMs,
    max: 7 * dayMs,
  }),
  SIGNALBOX_WAIT_MS_MAX: ms(defaultLimits.waitMsMax, 'Longest wait a caller may ask for', {
    min: longPoll.sliceMs,
    max: 7 * dayMs,
  }),
  SIGNALBOX_LIMIT_MAX: bound(defaultLimits.limitMax, 'Largest limit of a semaphore', 1_000_000_000),
  SIGNALBOX_HOLDER_LENGTH_MAX: wholeNumber(
    // The SDK cuts its own label to the default.
    { min: defaultLimits.holderLengthMax, max: 4_096, fallback: defaultLimits.holderLengthMax },
    'Longest holder label, characters',
  ),
  // More than a script can reply with at once.
  SIGNALBOX_PAGE_SIZE_MAX: bound(defaultLimits.pageSizeMax, 'Most items on one page of a listing', 1_000),
  SIGNALBOX_BODY_BYTES_MAX: wholeNumber(
    { min: 1_024, max: 1_048_576, fallback: defaultAppSettings.bodyBytesMax },
    'Largest body of a request, bytes; a batch may have eight times as much',
  ),
  SIGNALBOX_CONNECTIONS_MAX: bound(
    defaultAppSettings.connectionsMax,
    'Most open connections at this replica; beyond: closed at once',
  ),
  SIGNALBOX_QUEUE_MAX: bound(defaultStoreSettings.queueMax, 'Most waiters of one semaphore; beyond: 429 `QUEUE_FULL`'),
  SIGNALBOX_WAITERS_MAX: bound(
    defaultEngineSettings.waitersMax,
    'Most waiting requests at this replica; beyond: 503 `OVERLOADED`',
  ),
  SIGNALBOX_STORE_CALLS_MAX: bound(
    defaultAppSettings.load.storeCallsMax,
    'Most unanswered calls of the store; beyond: 503 `OVERLOADED` for new acquires and listings',
  ),
  SIGNALBOX_EVENT_LOOP_DELAY_MS_MAX: wholeNumber(
    { min: 10, max: 60_000, fallback: defaultAppSettings.load.eventLoopDelayMsMax },
    'How late timers may be on average; beyond: 503 `OVERLOADED` for new acquires and listings',
  ),
  SIGNALBOX_BATCH_MAX: bound(
    defaultStoreSettings.batchMax,
    'Most leases that one script expires, or grants; the rest follow at once',
    5_000,
  ),
  SIGNALBOX_METRICS_SEMAPHORES_MAX: wholeNumber(
    { min: 0, max: 10_000, fallback: defaultAppSettings.metricsSemaphoresMax },
    'Most semaphores that `/metrics` names',
  ),
  SIGNALBOX_EVENT_STREAMS_MAX: wholeNumber(
    { min: 0, max: 10_000, fallback: defaultAppSettings.events.streamsMax },
    'Most live streams (`/v1/events`) at this replica; beyond: 503 `OVERLOADED`',
  ),
  SIGNALBOX_EVENT_SEMAPHORES_MAX: bound(
    defaultAppSettings.events.semaphoresMax,
    'Most semaphores that one live stream follows; beyond: it says `truncated`',
    10_000,
  ),
  SIGNALBOX_CAP_MS: ms(
    defaultEngineSettings.capMs,
    'Longest time one acquire is held open; keep it below the time-outs of proxies',
    { max: longPoll.capMsMax },
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
    'Time between two heartbeats of a semaphore with waiters; at most half of `SIGNALBOX_GRACE_MS`',
    { min: 5, max: 300_000 },
  ),
  SIGNALBOX_IDLE_MS: ms(
    defaultStoreSettings.idleMs,
    'How long an unused semaphore is kept, unless somebody configured it; at least two heartbeats',
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
  SIGNALBOX_WAIT_REPLICAS: wholeNumber(
    { min: 0, max: 10, fallback: 0 },
    'How many Redis replicas must have a lease before its caller is told; 0: none',
  ),
  SIGNALBOX_WAIT_TIMEOUT_MS: ms(
    1_000,
    'How long those Redis replicas may take; after it the lease is given back: 503 `STORE_UNAVAILABLE`',
    {
      min: 10,
      max: 60_000,
    },
  ),
  SIGNALBOX_RECEIVE_TIMEOUT_MS: ms(defaultAppSettings.receiveTimeoutMs, 'How long a request may take to arrive', {
    min: 100,
    max: 300_000,
  }),
  SIGNALBOX_STOP_GRACE_MS: ms(10_000, 'How long a stop waits for open requests before it cuts them', {
    min: 0,
    max: 600_000,
  }),
})

export type Variables = z.output<typeof variables>

/** The variables as a table: for docs/operations.md, and for the test that compares it. */
export function variableTable(): (VariableMeta & { readonly name: string })[] {
  return Object.entries(variables.shape).flatMap(([name, schema]) => {
    const meta = variableMeta.get(schema)
    return meta === undefined ? [] : [{ name, ...meta }]
  })
}
