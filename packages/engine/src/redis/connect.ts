import { Redis } from 'ioredis'
import { connectToCluster } from './cluster.js'
import { aside, asking, linkOf, strictOptions, tlsOf } from './connection.js'
import type { Connection, ConnectionSettings, Primaries, RedisOptions } from './connection.js'
import { parseRedisUrl } from './redis-url.js'
import { connectThroughSentinels } from './sentinel.js'

/** Connects in the background. This is the one place that knows a single server from Sentinel or Cluster. */
export function connect(settings: ConnectionSettings): Connection {
  const { url, redis = {}, commandTimeoutMs } = settings
  const strict = { ...redis, ...strictOptions(commandTimeoutMs) }
  if (url === undefined) return connectToOne(strict)
  const address = parseRedisUrl(url)
  switch (address.kind) {
    case 'sentinel':
      return connectThroughSentinels(address, settings)
    case 'cluster':
      return connectToCluster(address, settings)
    case 'single': {
      const { nodes, login, db } = address
      return connectToOne({ ...strict, ...nodes[0], ...login, db, tls: tlsOf(address, redis) })
    }
  }
}

function connectToOne(options: RedisOptions): Connection {
  const linkNamed = (connectionName: string) => linkOf(new Redis({ ...options, connectionName }))
  const link = linkNamed('signalbox')
  const { path, host = 'localhost', port = 6379 } = link.client.options
  const primaries: Primaries = {
    reachable: [{ client: link.client, address: path ?? `${host}:${port}`, slot: 0 }],
    unreachable: [],
  }
  const keeper = { client: link.client, tag: '' }
  return {
    ...link,
    kind: 'single',
    ...asking(link, () => primaries),
    keeperOf: () => keeper,
    keepers: () => [keeper],
    aside,
    listener: () => linkNamed('signalbox-listener'),
  }
}
