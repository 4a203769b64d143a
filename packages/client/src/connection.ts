import { Account } from './account.js'
import { Background } from './background.js'
import { Batches } from './batches.js'
import { ContendedNames } from './contended-names.js'
import { SignalboxError } from './errors.js'
import { Events } from './events.js'
import { send, type Decision } from './send.js'
import { settingsOf, type ClientOptions, type Settings } from './settings.js'
import { pause } from './timer.js'
import { Transport, type Attempts, type Exchange } from './transport.js'

/** Something that must end when the client closes. */
export interface Closable {
  /** Resolves when it has ended; never rejects. */
  close(error: SignalboxError): Promise<void>
}

/** What the semaphores and leases of one client share. */
export class Connection {
  readonly settings: Settings
  readonly events: Events
  readonly transport: Attempts
  readonly contended = new ContendedNames()
  readonly account = new Account()
  readonly background = new Background()
  /** Waits, and leases that are held. */
  readonly open = new Set<Closable>()
  readonly #closing = new AbortController()
  readonly #ending = new AbortController()
  #closed: Promise<void> | undefined

  constructor(options: ClientOptions) {
    this.settings = settingsOf(options)
    this.events = new Events(this.settings)
    const transport = new Transport(this.settings, this.events)
    this.transport = this.settings.batch ? new Batches(transport) : transport
  }

  get closed(): boolean {
    return this.#closed !== undefined
  }

  /** Aborts when `close` is called. One for all: an AbortController for each acquire cost as much as all else that it is made of. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /** Aborts when `close` has waited long enough. */
  get ending(): AbortSignal {
    return this.#ending.signal
  }

  refuseIfClosed(): void {
    if (this.closed) throw closedError()
  }

  /** One request with the client's own time-outs, repeated until it is decided. */
  async send(exchange: Exchange, signal?: AbortSignal): Promise<Decision> {
    this.refuseIfClosed()
    const { timeoutMs, retryForMs } = this.settings
    const signals = signal === undefined ? [this.ending] : [this.ending, signal]
    return await send(this.transport, this.events, exchange, { timeoutMs, retryForMs, signals })
  }

  close(timeoutMs: number): Promise<void> {
    this.#closed ??= this.#close(timeoutMs)
    return this.#closed
  }

  async #close(timeoutMs: number): Promise<void> {
    const error = closedError()
    const waiting = new AbortController()
    this.#closing.abort(error)
    const ended = Promise.all([...this.open].map((item) => item.close(error))).then(() => this.background.ended())
    await Promise.race([ended, pause(this.settings.clock, timeoutMs, [waiting.signal], false).catch(() => undefined)])
    waiting.abort()
    this.#ending.abort(error)
    // What was cut off ends now, and says so by events; without this it would say it after close had resolved.
    await ended
  }
}

function closedError(): SignalboxError {
  return new SignalboxError('The client was closed', { code: 'CLIENT_CLOSED' })
}

let shared: Connection | undefined

/** What semaphores made without a client share: by the environment, made at first use, and again after it was closed. */
export function defaultConnection(): Connection {
  if (shared === undefined || shared.closed) shared = new Connection({})
  return shared
}

/**
 * Closes the client that semaphores made without one share, as `SignalboxClient.close` does: worth calling before a planned exit, so that
 * permits come back at once and not after their ttl. The next use makes a new one.
 */
export async function closeDefaultClient(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
  await shared?.close(options.timeoutMs ?? 5_000)
}

/** A `SignalboxClient`, as semaphores know it. */
export interface ClientHandle {
  close(options?: { readonly timeoutMs?: number | undefined }): Promise<void>
}

const connections = new WeakMap<ClientHandle, Connection>()

/** Lets semaphores find the connection of a client without the client showing it to everybody. */
export function bindConnection(client: ClientHandle, connection: Connection): void {
  connections.set(client, connection)
}

export function connectionOf(client: ClientHandle): Connection {
  const connection = connections.get(client)
  if (connection === undefined) {
    throw new TypeError('client must be a SignalboxClient of this copy of @signalbox/client')
  }
  return connection
}
