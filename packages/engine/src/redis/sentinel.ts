import { Redis } from 'ioredis'
import { aside, asking, linkOf, retryStrategy, strictOptions, tlsOf } from './connection.js'
import type { Connection, ConnectionSettings, Link } from './connection.js'
import type { RedisAddress } from './redis-url.js'

type SentinelAddress = Extract<RedisAddress, { kind: 'sentinel' }>

/**
 * To the primary that the sentinels name, asked anew at each connection. A server that has become a Redis replica is left at once, whether
 * it says so itself (READONLY), or a sentinel does: a listener sends nothing, and a primary that is cut off from the others goes on
 * answering those who still reach it.
 */
export function connectThroughSentinels(address: SentinelAddress, settings: ConnectionSettings): Connection {
  const options = optionsOf(address, settings)
  const followers = new Set<Redis>()
  const follow = (link: Link<Redis>): Link<Redis> => {
    followers.add(link.client)
    link.client.once('end', () => followers.delete(link.client))
    return link
  }
  const linkNamed = (connectionName: string) => follow(linkOf(new Redis({ ...options, connectionName })))
  const link = linkNamed('signalbox')
  const keeper = { client: link.client, tag: '' }
  const sentinels = watchForFailover(address, settings, (host, port) => {
    for (const client of followers) {
      if (isElsewhere(client, host, port)) client.disconnect(true)
    }
  })
  return {
    ...link,
    kind: 'sentinel',
    ...asking(link, () => ({
      reachable: [{ client: link.client, address: peerOf(link.client), slot: 0 }],
      unreachable: [],
    })),
    keeperOf: () => keeper,
    keepers: () => [keeper],
    aside: (client, holdUpMs) => follow(aside(client, holdUpMs)),
    listener: () => linkNamed('signalbox-listener'),
    close: async () => {
      await Promise.all([link, ...sentinels].map(({ close }) => close()))
    },
  }
}

function optionsOf(address: SentinelAddress, { redis = {}, commandTimeoutMs }: ConnectionSettings) {
  const { nodes, name, db, login, sentinelLogin } = address
  const tls = tlsOf(address, redis)
  return {
    ...redis,
    tls,
    sentinelTLS: tls,
    enableTLSForSentinelMode: tls !== undefined,
    ...strictOptions(commandTimeoutMs),
    ...login,
    sentinels: [...nodes],
    name,
    db,
    sentinelRetryStrategy: retryStrategy,
    sentinelCommandTimeout: commandTimeoutMs,
    sentinelUsername: sentinelLogin.username,
    sentinelPassword: sentinelLogin.password,
  }
}

/**
 * A connection to each sentinel. The `failoverDetector` of ioredis would do, but for what it prints to the console each time it cannot
 * reach one, and for having connections of its own for each client.
 */
function watchForFailover(
  address: SentinelAddress,
  { redis = {}, commandTimeoutMs }: ConnectionSettings,
  switched: (host: string, port: number) => void,
): readonly Link<Redis>[] {
  const tls = tlsOf(address, redis)
  return address.nodes.map((node) => {
    const options = { ...strictOptions(commandTimeoutMs), ...node, ...address.sentinelLogin, tls }
    const link = linkOf(new Redis({ ...options, connectionName: 'signalbox-watch' }))
    // "<name> <old host> <old port> <new host> <new port>"
    link.client.on('message', (_channel, message) => {
      const [name, , , host = '', port = ''] = message.split(' ')
      if (name === address.name) switched(host, Number(port))
    })
    // Refused or lost: then this sentinel tells nothing until it is connected to again, and the others do.
    link.client.on('ready', () => void link.client.subscribe('+switch-master').catch(() => undefined))
    return link
  })
}

/** One that is looking for a server is not: it asks the sentinels anyway, and ioredis would give it up for good. */
function isElsewhere({ status, stream }: Redis, host: string, port: number): boolean {
  if (status !== 'ready' && status !== 'connect') return false
  return stream.remoteAddress !== host || stream.remotePort !== port
}

function peerOf({ stream }: Redis): string {
  return `${stream.remoteAddress}:${stream.remotePort}`
}
