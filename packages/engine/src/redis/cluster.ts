import { Cluster, Redis } from 'ioredis'
import type { DNSLookupFunction } from 'ioredis'
import { aside, asking, linkOf, retryStrategy, strictOptions, tlsOf } from './connection.js'
import type { Connection, ConnectionSettings, Keeper, Link, Primaries, Primary } from './connection.js'
import { keySlot, tagOfSlot } from './key-slot.js'
import type { NodeAddress, RedisAddress } from './redis-url.js'

type ClusterAddress = Extract<RedisAddress, { kind: 'cluster' }>

/** A topology that changed while nobody called is known after this time; while calls are redirected it is known at once. */
const refreshMs = 3_000

/**
 * Each script goes to the primary that keeps its semaphore. What a node did not run (MOVED, ASK, TRYAGAIN) is sent where it belongs; what it
 * may have run is not sent again. A node that is lost is forgotten, so that the next call asks another one who has its slots now.
 */
export function connectToCluster(address: ClusterAddress, settings: ConnectionSettings): Connection {
  const cluster = new Cluster([...address.nodes], clusterOptions(address, settings))
  const link = linkOf(cluster, nodeErrorsOf(cluster))
  // Connected to only when needed, it would refuse all but the first of the calls that come meanwhile.
  cluster.on('+node', (node: Redis) => {
    if (node.options.readOnly !== true) node.connect().catch(() => undefined)
  })
  return {
    ...link,
    kind: 'cluster',
    ...asking(link, () => primariesOf(cluster)),
    ...keepersOf(cluster),
    aside,
    listener: () => listenToAny(cluster, address, settings),
  }
}

/** What a node said, when none could be asked. Of one that breaks a handshake off the cluster itself says no more than that it was closed. */
function nodeErrorsOf(cluster: Cluster): (error: Error) => Error {
  let last: Error | null = null
  cluster.on('node error', (error: Error) => {
    if (error.message !== 'Connection is closed.') last = error
  })
  cluster.on('ready', () => {
    last = null
  })
  return (error) => {
    const own = 'lastNodeError' in error && error.lastNodeError instanceof Error ? error.lastNodeError : error
    return own.message === 'Connection is closed.' ? (last ?? own) : own
  }
}

function clusterOptions(address: ClusterAddress, { redis = {}, commandTimeoutMs }: ConnectionSettings) {
  const { retryStrategy: clusterRetryStrategy, enableOfflineQueue, ...strict } = strictOptions(commandTimeoutMs)
  const dnsLookup: DNSLookupFunction = (host, callback) => callback(null, host)
  return {
    redisOptions: { ...redis, ...strict, ...address.login, tls: tlsOf(address, redis), connectionName: 'signalbox' },
    clusterRetryStrategy,
    enableOfflineQueue,
    // These two would send a command again whose reply was lost, and keep one that nobody can serve.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    // While a slot moves, its semaphores answer TRYAGAIN: for less than a second they are asked again, then that is a 503.
    retryDelayOnTryAgain: 50,
    slotsRefreshInterval: refreshMs,
    slotsRefreshTimeout: commandTimeoutMs,
    // A name stays a name: TLS compares it with the certificate.
    dnsLookup,
  }
}

/**
 * Which slots belong together is what the last look at the whole topology said: a single slot that a redirection moves (the first that is heard of a
 * failover) goes on being part of the same keeper, at another address.
 */
function keepersOf(cluster: Cluster): Pick<Connection, 'keeperOf' | 'keepers'> {
  let lowestOf: readonly number[] = []
  let clients: ReadonlyMap<string, Redis> | null = null
  for (const event of ['refresh', '+node', '-node']) {
    cluster.on(event, () => {
      clients = null
      if (event === 'refresh') lowestOf = lowestSlots(cluster)
    })
  }
  const keeperAt = (slot: number): Keeper | null => {
    const lowest = lowestOf[slot]
    if (lowest === undefined) return null
    clients ??= new Map(cluster.nodes('master').map((client) => [addressOf(client), client]))
    return { client: clients.get(cluster.slots[slot]?.[0] ?? '') ?? null, tag: tagOfSlot(lowest) }
  }
  return {
    keeperOf: (tag) => keeperAt(keySlot(tag)),
    keepers: () => [...new Set(lowestOf)].flatMap((slot) => keeperAt(slot) ?? []),
  }
}

/** Of each slot, the lowest one at the same primary. */
function lowestSlots(cluster: Cluster): number[] {
  const lowest = new Map<string, number>()
  const found: number[] = []
  cluster.slots.forEach(([address = ''], slot) => {
    if (!lowest.has(address)) lowest.set(address, slot)
    found[slot] = lowest.get(address) ?? slot
  })
  return found
}

function primariesOf(cluster: Cluster): Primaries {
  const clients = new Map(cluster.nodes('master').map((client) => [addressOf(client), client]))
  const reachable = new Map<string, Primary>()
  const unreachable = new Set<string>()
  cluster.slots.forEach(([address = ''], slot) => {
    if (reachable.has(address)) return
    const client = clients.get(address)
    if (client === undefined) unreachable.add(address)
    else reachable.set(address, { client, address, slot })
  })
  return { reachable: [...reachable.values()], unreachable: [...unreachable] }
}

function addressOf({ options: { host = 'localhost', port = 6_379 } }: Redis): string {
  return `${host}:${port}`
}

/**
 * Every node hears what any node publishes, so one connection is enough, to any of them; when it is lost, or its node leaves the
 * cluster, to another one. The subscriber inside of ioredis does the same, but tells nobody that messages were missed meanwhile, and does
 * not notice a peer that vanished.
 */
function listenToAny(cluster: Cluster, address: ClusterAddress, settings: ConnectionSettings): Link<Redis> {
  const { redis = {}, commandTimeoutMs } = settings
  let at = Math.floor(Math.random() * address.nodes.length)
  const nextNode = (): NodeAddress => {
    const known = cluster.nodes().map(({ options: { host = 'localhost', port = 6_379 } }) => ({ host, port }))
    const nodes = known.length === 0 ? address.nodes : known
    at = (at + 1) % nodes.length
    return nodes[at] ?? { host: 'localhost', port: 6_379 }
  }
  const client = new Redis({
    ...redis,
    ...strictOptions(commandTimeoutMs),
    ...nextNode(),
    ...address.login,
    tls: tlsOf(address, redis),
    connectionName: 'signalbox-listener',
    // ioredis reads host and port of its options at each connection; this comes before.
    retryStrategy: (attempt) => {
      Object.assign(client.options, nextNode())
      return retryStrategy(attempt)
    },
  })
  const moveOn = (gone: Redis): void => {
    if (addressOf(gone) === addressOf(client) && client.status === 'ready') client.disconnect(true)
  }
  cluster.on('-node', moveOn)
  const link = linkOf(client)
  return {
    ...link,
    close: () => {
      cluster.off('-node', moveOn)
      return link.close()
    },
  }
}
