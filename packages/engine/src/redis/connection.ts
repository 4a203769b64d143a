import type { Cluster, Redis, RedisOptions as AnyRedisOptions } from 'ioredis'
import type { RedisAddress } from './redis-url.js'
import { storeErrorOf } from './store-error.js'

/** Without what changes the form of replies, and without a second prefix: it would be put before keys, but not before channels. */
export type RedisOptions = Omit<AnyRedisOptions, 'replyMapping' | 'keyPrefix'>

export interface ConnectionSettings {
  /** One of the forms of `redisUrlForms`; of a single server, what follows a `?` is left out: it would override what is set here. */
  readonly url?: string | undefined
  /** Where it is and how to log in, if not in the URL; TLS options reach every server, sentinels included. */
  readonly redis?: RedisOptions | undefined
  /** A command that is not answered within this time rejects; whether it ran is not known. */
  readonly commandTimeoutMs: number
}

/** A client that comes back by itself, for ever. */
export interface Link<Client> {
  readonly client: Client
  /** Why there is no connection, if there is none. */
  readonly lost: () => Error | null
  /** What a failed command means to the caller of the store. */
  readonly errorOf: (error: unknown, operation: string) => Error
  readonly close: () => Promise<void>
}

/** A server that keeps state. */
export interface Primary {
  readonly client: Redis
  /** For people: "127.0.0.1:6379". */
  readonly address: string
  /** The lowest slot of a cluster that it keeps; 0 where there is no cluster. */
  readonly slot: number
}

/** All servers that keep state: one, or the primaries of a cluster in the order of their slots. */
export interface Primaries {
  readonly reachable: readonly Primary[]
  /** Addresses of those that are lost, or not connected to yet. */
  readonly unreachable: readonly string[]
}

/** Who keeps the keys of some hash tags, as far as is known. */
export interface Keeper {
  /** Null while it is not connected to. */
  readonly client: Redis | null
  /** One of those hash tags, by which it is known: a Redis replica that takes its place has the same. Empty where it keeps all keys. */
  readonly tag: string
}

/** The way to the state, be it kept by one server, by the primary that sentinels know, or by a cluster. */
export interface Connection extends Link<Redis | Cluster> {
  readonly kind: RedisAddress['kind']
  /**
   * For what is no script. Unlike the bare client it asks nothing before the connection is ready: INFO alone passes during the handshake, and
   * while the server loads its data, when nothing else would be answered.
   */
  readonly ask: <Answer>(operation: string, question: (client: Redis | Cluster) => Promise<Answer>) => Promise<Answer>
  /** The same for what is asked of every server, or of one after the other. */
  readonly askAll: <Answer>(operation: string, question: (primaries: Primaries) => Promise<Answer>) => Promise<Answer>
  /** Null while nobody is known who could be it. */
  readonly keeperOf: (tag: string) => Keeper | null
  readonly keepers: () => readonly Keeper[]
  /** Another connection to where this client leads, for commands that hold it up for so long. Whoever asks for it closes it. */
  readonly aside: (client: Redis, holdUpMs: number) => Link<Redis>
  /** A connection of its own for subscriptions, to a server that hears what any of them publishes. Whoever asks for it closes it. */
  readonly listener: () => Link<Redis>
}

/** What every kind of client has. */
interface LinkedClient {
  readonly status: string
  disconnect(): void
  on(event: string, listener: (error?: Error) => void): unknown
  once(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
}

export const retryMsMax = 1_000
const closeMsMax = 1_000

/** Half of it is chance, so that the replicas of a service do not all come back in the same millisecond. */
export function retryStrategy(attempt: number): number {
  const backoffMs = Math.min(25 * 2 ** attempt, retryMsMax)
  return backoffMs / 2 + (Math.random() * backoffMs) / 2
}

/**
 * With the defaults of ioredis a command whose reply was lost runs a second time after the reconnect, and one sent while there is no
 * connection waits for one. A caller of the store must know at once that it knows nothing: it has callers of its own, with deadlines.
 */
export function strictOptions(commandTimeoutMs: number) {
  return {
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
    // A primary that became a Redis replica under this connection: whoever is the primary now is found by connecting anew.
    reconnectOnError: ({ message }: Error) => message.startsWith('READONLY'),
    // Measured slower with one small script per request: 17-21k requests/s instead of 26-28k.
    enableAutoPipelining: false,
  }
}

/** The TLS options of every server; undefined: no TLS. */
export function tlsOf(address: { readonly tls: boolean }, redis: RedisOptions): RedisOptions['tls'] {
  return address.tls ? (redis.tls ?? {}) : redis.tls
}

/** `causeOf` says what is behind an error that the client reports. */
export function linkOf<Client extends LinkedClient>(
  client: Client,
  causeOf = (error: Error): Error => error,
): Link<Client> {
  let lost: Error | null = new Error('not connected yet')
  // Without a listener ioredis prints every failed attempt; callers hear of it from their rejected calls.
  client.on('error', (error) => {
    if (error !== undefined) lost = causeOf(error)
  })
  client.on('close', () => {
    lost ??= new Error('the connection was lost')
  })
  client.on('ready', () => {
    lost = null
  })
  return {
    client,
    lost: () => lost,
    errorOf: (error, operation) => storeErrorOf(error, operation, lost),
    close: () => close(client),
  }
}

/** What `aside` gives where the client itself knows where it leads. */
export function aside(client: Redis, holdUpMs: number): Link<Redis> {
  const { commandTimeout = 0 } = client.options
  const timeoutMs = commandTimeout + holdUpMs
  const strict = { ...strictOptions(timeoutMs), connectTimeout: commandTimeout }
  return linkOf(client.duplicate({ ...strict, connectionName: 'signalbox-aside', lazyConnect: false }))
}

/** Makes what a connection asks with. */
export function asking(
  { client, lost, errorOf }: Link<Redis | Cluster>,
  primaries: () => Primaries,
): Pick<Connection, 'ask' | 'askAll'> {
  const ask: Connection['ask'] = async (operation, question) => {
    try {
      const reason = lost()
      if (reason !== null) throw reason
      return await question(client)
    } catch (error) {
      throw errorOf(error, operation)
    }
  }
  return { ask, askAll: (operation, question) => ask(operation, () => question(primaries())) }
}

async function close(client: LinkedClient): Promise<void> {
  const hasSocket = ['connecting', 'connect', 'ready'].includes(client.status)
  const ended = new Promise<void>((resolve) => {
    client.once('end', resolve)
    // One that was looking for somebody to connect to says nothing when it gives up.
    if (hasSocket) setTimeout(resolve, closeMsMax).unref()
  })
  client.disconnect()
  if (hasSocket) await ended
}
