import { Redis } from 'ioredis'
import type { RedisOptions as AnyRedisOptions } from 'ioredis'
import { storeErrorOf } from './store-error.js'

/** Without what changes the form of replies, and without a second prefix: it would be put before keys, but not before channels. */
export type RedisOptions = Omit<AnyRedisOptions, 'replyMapping' | 'keyPrefix'>

export interface ConnectionSettings {
  /** `redis://` or `rediss://`. What follows a `?` is left out: it would override what is set here. */
  readonly url?: string | undefined
  /** Where it is and how to log in, if not in the URL. */
  readonly redis?: RedisOptions | undefined
  /** A command that is not answered within this time rejects; whether it ran is not known. */
  readonly commandTimeoutMs: number
}

/** One connection that comes back by itself, for ever. */
export interface Connection {
  readonly client: Redis
  /** What a failed command means to the caller of the store. */
  readonly errorOf: (error: unknown, operation: string) => Error
  /**
   * For what is no script. Unlike the bare client it asks nothing before the connection is ready: INFO alone passes during the handshake, and
   * while the server loads its data, when nothing else would be answered.
   */
  ask<Answer>(operation: string, question: (client: Redis) => Promise<Answer>): Promise<Answer>
  close(): Promise<void>
}

const retryMsMax = 1_000

/** Half of it is chance, so that the replicas of a service do not all come back in the same millisecond. */
function retryStrategy(attempt: number): number {
  const backoffMs = Math.min(25 * 2 ** attempt, retryMsMax)
  return backoffMs / 2 + (Math.random() * backoffMs) / 2
}

/**
 * With the defaults of ioredis a command whose reply was lost runs a second time after the reconnect, and one sent while there is no
 * connection waits for one. A caller of the store must know at once that it knows nothing: it has callers of its own, with deadlines.
 */
function optionsOf({ redis = {}, commandTimeoutMs }: ConnectionSettings, connectionName: string) {
  return {
    ...redis,
    connectionName,
    retryStrategy,
    commandTimeout: commandTimeoutMs,
    // Rejects what is under way as soon as the connection is lost. (`autoResendUnfulfilledCommands` alone would leave it pending.)
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    // Its SUBSCRIBE on reconnecting has nobody who catches its rejection, and nobody learns that messages were missed.
    autoResubscribe: false,
    // A peer that vanished without a word: the kernel would go on resending for a quarter of an hour.
    socketTimeout: 2 * commandTimeoutMs,
    // And where nothing is under way, so nothing is resent: the subscriber.
    keepAlive: 10_000,
    connectTimeout: commandTimeoutMs,
    disconnectTimeout: 500,
    maxLoadingRetryTime: retryMsMax,
    // Measured slower with one small script per request: 17-21k requests/s instead of 26-28k.
    enableAutoPipelining: false,
  }
}

function withoutQuery(url: string): string {
  return url.split('?', 1)[0] ?? url
}

/** Connects in the background. This is the one place that knows a single server from Sentinel or Cluster. */
export function connect(settings: ConnectionSettings, connectionName: string): Connection {
  const options = optionsOf(settings, connectionName)
  const client = settings.url === undefined ? new Redis(options) : new Redis(withoutQuery(settings.url), options)
  let connectionError: Error | null = new Error('not connected yet')
  // Without a listener ioredis prints every failed attempt; callers hear of it from their rejected calls.
  client.on('error', (error) => {
    connectionError = error
  })
  client.on('close', () => {
    connectionError ??= new Error('the connection was lost')
  })
  client.on('ready', () => {
    connectionError = null
  })
  return {
    client,
    errorOf: (error, operation) => storeErrorOf(error, operation, connectionError),
    ask: async (operation, question) => {
      try {
        if (connectionError !== null) throw connectionError
        return await question(client)
      } catch (error) {
        throw storeErrorOf(error, operation, connectionError)
      }
    },
    close: () => close(client),
  }
}

async function close(client: Redis): Promise<void> {
  const hasSocket = ['connecting', 'connect', 'ready'].includes(client.status)
  const ended = new Promise<void>((resolve) => client.once('end', () => resolve()))
  client.disconnect()
  if (hasSocket) await ended
}
