import { Cluster } from 'ioredis'
import type { GuardEvent } from '../guard-event.js'
import type { Connection } from './connection.js'
import type { RunScript } from './define-script.js'
import type { Keyspace } from './keyspace.js'
import { MarkerWatch } from './marker-watch.js'
import { scripts } from './scripts.gen.js'
import type { WatchedNodes } from './vouched-store.js'
import { WatchedCluster } from './watched-cluster.js'

export interface WatchedNodesOptions {
  readonly connection: Connection
  readonly run: RunScript
  readonly keyspace: Keyspace
  readonly tell: (event: GuardEvent) => void
}

export function watchNodes({ connection, run, keyspace, tell }: WatchedNodesOptions): WatchedNodes {
  const watchMarker = (tag: string): MarkerWatch => {
    const markerKey = keyspace.marker(tag)
    return new MarkerWatch({
      look: async () => {
        const look = await connection.ask('look', (client) => client.hmget(markerKey, 'id', 'guarded_until'))
        return { id: look[0] ?? null, guardedUntil: look[1] ?? null }
      },
      mark: (call) => run(scripts.marker, 'marker', { marker: markerKey }, call),
      tell,
    })
  }
  return connection.client instanceof Cluster
    ? new WatchedCluster(connection.client, watchMarker)
    : watchNode(connection, watchMarker(''))
}

/** Watches the node that a connection leads to, whichever that is after each reconnect. */
function watchNode({ client }: Connection, marker: MarkerWatch): WatchedNodes {
  // Both come before any command of the next connection can be answered: its handshake alone takes a round trip.
  client.on('close', () => marker.disconnected())
  client.on('ready', () => marker.connected())
  return {
    before: () => marker.opened(),
    vouch: (_semaphore, told) => {
      for (const { lease } of told) marker.note(lease)
      marker.refuseIfGuarded()
      return null
    },
    guardMs: () => marker.guardMs,
    close: () => marker.close(),
  }
}
