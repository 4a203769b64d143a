import { once } from 'node:events'
import type { Redis } from 'ioredis'
import type { Notice, Store } from '../store.js'
import type { Link } from './connection.js'
import { parseNotice } from './parse-notice.js'

export interface ListeningOptions {
  /** Makes a connection of its own for subscriptions. Called on the first `listen`. */
  readonly connect: () => Link<Redis>
  readonly channelOf: (replica: string) => string
  readonly commandTimeoutMs: number
}

interface Listener {
  readonly replica: string
  readonly hear: (notice: Notice) => void
  /** False until the first SUBSCRIBE was answered: until then nothing can have been missed. */
  isSubscribed: boolean
}

/** Well below the time between heartbeats, which find out the same as a notice. */
const retryMs = 500

/**
 * Subscriptions of the replicas that live in this process. Redis remembers no message for a subscriber that is away, so whoever
 * listens is told of every gap: after each reconnect, once the subscription stands again, a `gap` notice comes first.
 */
export class Listening {
  readonly #options: ListeningOptions
  readonly #listeners = new Map<string, Listener>()
  #connection: Link<Redis> | null = null
  #retry: NodeJS.Timeout | undefined

  constructor(options: ListeningOptions) {
    this.#options = options
  }

  /**
   * The replica that is told with the replies to what it asks; empty where nobody listens. A process has one. Tests have more: the others hear
   * what is published.
   */
  get home(): string {
    return this.#listeners.values().next().value?.replica ?? ''
  }

  /** A notice that came with a reply. */
  readonly hear = (replica: string, message: string): void => this.#pass(this.#options.channelOf(replica), message)

  /** A reply that may have had notices did not come. */
  readonly missed = (replica: string, semaphore: string): void =>
    this.#listeners.get(this.#options.channelOf(replica))?.hear({ kind: 'check', semaphore })

  /** Rejects, and does not listen, when the subscription cannot be made now. */
  readonly listen: Store['listen'] = async (replica, hear) => {
    const channel = this.#options.channelOf(replica)
    const connection = (this.#connection ??= this.#connect())
    const listener = { replica, hear, isSubscribed: false }
    // Before the answer: a message may come in the same packet.
    this.#listeners.set(channel, listener)
    try {
      await this.#untilReady(connection.client)
      await connection.client.subscribe(channel)
    } catch (error) {
      await this.#forget(channel, listener)
      throw connection.errorOf(error, 'subscribe')
    }
    listener.isSubscribed = true
    return () => this.#forget(channel, listener)
  }

  async close(): Promise<void> {
    clearTimeout(this.#retry)
    this.#listeners.clear()
    await this.#connection?.close()
  }

  #pass(channel: string, message: string): void {
    const notice = parseNotice(message)
    if (notice !== null) this.#listeners.get(channel)?.hear(notice)
  }

  #connect(): Link<Redis> {
    const connection = this.#options.connect()
    connection.client.on('message', (channel: string, message: string) => this.#pass(channel, message))
    connection.client.on('ready', () => void this.#resubscribe(connection.client))
    return connection
  }

  async #resubscribe(client: Redis): Promise<void> {
    clearTimeout(this.#retry)
    const away = [...this.#listeners].filter(([, { isSubscribed }]) => isSubscribed)
    const channels = away.map(([channel]) => channel)
    if (client.status !== 'ready' || channels.length === 0) return
    try {
      await client.subscribe(...channels)
    } catch {
      // Lost again, or not answered (then the socket time-out ends it): the next 'ready' comes here. Refused (BUSY, a right taken
      // away): this connection stays, and is deaf until it is asked again.
      if (this.#listeners.size > 0) this.#retry = setTimeout(() => void this.#resubscribe(client), retryMs)
      return
    }
    for (const channel of channels) this.#listeners.get(channel)?.hear({ kind: 'gap' })
  }

  async #untilReady(client: Redis): Promise<void> {
    if (client.status === 'ready') return
    await once(client, 'ready', { signal: AbortSignal.timeout(this.#options.commandTimeoutMs) })
  }

  async #forget(channel: string, listener: Listener): Promise<void> {
    if (this.#listeners.get(channel) !== listener) return
    this.#listeners.delete(channel)
    // Without a connection there is no subscription either.
    await this.#connection?.client.unsubscribe(channel).catch(() => undefined)
  }
}
