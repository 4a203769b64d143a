import { once } from 'node:events'
import type { Redis } from 'ioredis'
import type { GuardEvent } from '../guard-event.js'
import { Confirmation, type ReplicationSettings } from './confirmation.js'
import type { Connection, Link } from './connection.js'
import type { Keyspace } from './keyspace.js'
import type { KnownLeases } from './known-leases.js'
import { MarkerWatch } from './marker-watch.js'
import type { ScriptRunner } from './script-runner.js'
import { scripts } from './scripts.gen.js'
import type { ToldLease } from './vouched-store.js'

export interface WatchedNodeOptions extends ReplicationSettings {
  readonly connection: Connection
  readonly run: ScriptRunner['run']
  readonly keyspace: Keyspace
  readonly known: KnownLeases
  readonly tell: (event: GuardEvent) => void
}

/** What watches over the data of one Redis node, whichever server that is: after a failover it is another one. */
export class WatchedNode {
  readonly marker: MarkerWatch
  readonly #options: WatchedNodeOptions
  /** Null: nobody is to be waited for. */
  readonly #confirmation: Confirmation | null
  #client: Redis | null = null
  #aside: Link<Redis> | null = null
  readonly #connected = (): void => this.marker.connected()
  readonly #disconnected = (): void => this.marker.disconnected()

  constructor(tag: string, options: WatchedNodeOptions) {
    const { connection, run, keyspace, known, tell, waitReplicas } = options
    const key = keyspace.marker(tag)
    this.#options = options
    this.marker = new MarkerWatch({
      // By its key, as scripts are sent, so that it finds a new primary when they do.
      look: async () => {
        const look = await connection.ask('look', (client) => client.hmget(key, 'id', 'guarded_until'))
        return { id: look[0] ?? null, guardedUntil: look[1] ?? null }
      },
      mark: (call) => run(scripts.marker, 'marker', { marker: key }, call),
      known,
      tell,
    })
    this.#confirmation = waitReplicas === 0 ? null : this.#confirming(key)
  }

  /** Watches the connection of this client from now on. */
  follow(client: Redis | null): void {
    if (client === this.#client) return
    this.#client?.off('close', this.#disconnected).off('ready', this.#connected)
    this.#client = client
    this.marker.disconnected()
    void this.#aside?.close()
    this.#aside = null
    if (client === null) return
    // Both come before any command of the next connection can be answered: its handshake alone takes a round trip.
    client.on('close', this.#disconnected).on('ready', this.#connected)
    if (client.status === 'ready') this.marker.connected()
    if (this.#confirmation !== null) this.#aside = this.#options.connection.aside(client, this.#options.waitTimeoutMs)
  }

  /** Null: no Redis replica is waited for. */
  confirm(semaphore: string, told: readonly ToldLease[]): Promise<void> | null {
    return this.#confirmation?.confirm(semaphore, told) ?? null
  }

  async close(): Promise<void> {
    const aside = this.#aside
    this.follow(null)
    await aside?.close()
  }

  /** The lease is there already: better late than given back because this connection is made a little later than the other. */
  async #untilReady(client: Redis): Promise<void> {
    if (client.status === 'ready') return
    await once(client, 'ready', { signal: AbortSignal.timeout(this.#options.waitTimeoutMs) })
  }

  #confirming(markerKey: string): Confirmation {
    const { connection, keyspace } = this.#options
    return new Confirmation({
      ...this.#options,
      deadlinesKeyOf: (semaphore) => keyspace.of(semaphore).deadlines,
      writeTo: markerKey,
      ask: async (question) => {
        const aside = this.#aside
        if (aside === null) throw connection.errorOf(new Error('it is not connected to'), 'confirm')
        try {
          await this.#untilReady(aside.client)
          return await question(aside.client)
        } catch (error) {
          throw aside.errorOf(error, 'confirm')
        }
      },
    })
  }
}
