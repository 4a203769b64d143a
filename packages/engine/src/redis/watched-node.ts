import type { GuardEvent } from '../guard-event.js'
import type { Connection } from './connection.js'
import type { RunScript } from './define-script.js'
import { MarkerWatch } from './marker-watch.js'
import { scripts } from './scripts.gen.js'
import type { Voucher } from './vouched-store.js'

/** What watches over the data of one Redis node that serves semaphores. A cluster has one for each of its primaries. */
export interface WatchedNode {
  readonly marker: MarkerWatch
}

export interface WatchedNodeOptions {
  readonly connection: Connection
  readonly run: RunScript
  /** A key that this node serves. */
  readonly markerKey: string
  readonly tell: (event: GuardEvent) => void
}

/** Watches the node that a connection leads to, whichever that is after each reconnect. */
export function watchNode({ connection, run, markerKey, tell }: WatchedNodeOptions): WatchedNode {
  const marker = new MarkerWatch({
    look: async () => {
      const look = await connection.ask('look', (client) => client.hmget(markerKey, 'id', 'guarded_until'))
      return { id: look[0] ?? null, guardedUntil: look[1] ?? null }
    },
    mark: (call) => run(scripts.marker, 'marker', { marker: markerKey }, call),
    tell,
  })
  // Both come before any command of the next connection can be answered: its handshake alone takes a round trip.
  connection.client.on('close', () => marker.disconnected())
  connection.client.on('ready', () => marker.connected())
  return { marker }
}

/** `nodeOf`: the node that serves a semaphore now. */
export function voucherOf(nodeOf: (semaphore: string) => WatchedNode): Voucher {
  return {
    before: (semaphore) => nodeOf(semaphore).marker.opened(),
    vouch: (semaphore, told) => {
      const { marker } = nodeOf(semaphore)
      for (const { lease } of told) marker.note(lease)
      marker.refuseIfGuarded()
      return null
    },
  }
}
