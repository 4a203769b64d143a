import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  createEngine,
  createMemoryStore,
  createRedisStore,
  type ReplicationSettings,
  type Store,
} from '@signalbox/engine'
import {
  startCluster,
  startReplicated,
  startSentinels,
  startTestRedis,
  type TestCluster,
  type TestRedis,
  type TestReplicated,
  type TestSentinels,
} from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { afterAll, expect, inject, test, vi } from 'vitest'
import { engineSubject, type Place, semaphoreSuite, type SuiteSettings } from '../src/index.js'

function placeOver(store: Store, settings: SuiteSettings, residue: () => Promise<number>): Place {
  const { capMs, graceMs, heartbeatMs, limitMax } = settings
  const waitersMax = 1_000
  const engines = [1, 2].map(() => createEngine({ store, settings: { capMs, graceMs, heartbeatMs, waitersMax } }))
  const [one, other] = engines.map((engine) => engineSubject(engine, limitMax))
  if (one === undefined || other === undefined) throw new Error('two engines were made')
  return {
    one,
    other,
    residue,
    async close() {
      await Promise.all(engines.map((engine) => engine.close()))
      await store.close()
    },
  }
}

semaphoreSuite('in memory', {
  lacks: [],
  async open(settings) {
    const store = createMemoryStore({ settings })
    return placeOver(store, settings, async () => store.size)
  },
})

interface Topology {
  readonly url: string
  /** Every server that keeps keys. */
  readonly servers: readonly { readonly url: string }[]
}

/** The suite on a Redis, under a prefix of each place's own. */
function redisSuite(
  name: string,
  topologyOf: () => Promise<Topology>,
  prefixOf: () => string,
  replication: Partial<ReplicationSettings> = {},
): void {
  semaphoreSuite(name, {
    lacks: [],
    async open(settings) {
      const { url, servers } = await topologyOf()
      const keyPrefix = prefixOf()
      const store = createRedisStore({ url, keyPrefix, settings, ...replication })
      // It connects in the background, and says "not now" until it has.
      await vi.waitFor(() => store.ping(), { timeout: 5_000, interval: 2 })
      const clients = servers.map((server) => new Redis(server.url))
      const keysOn = (redis: Redis): Promise<string[]> => redis.keys(`${keyPrefix}*`)
      // Beside its semaphores a store keeps its markers, for as long as it keeps data.
      const residue = async (): Promise<number> =>
        (await Promise.all(clients.map(keysOn))).flat().filter((key) => key.startsWith(`${keyPrefix}{`)).length
      const place = placeOver(store, settings, residue)
      return {
        ...place,
        async close() {
          await place.close()
          for (const redis of clients) {
            for (const key of await keysOn(redis)) await redis.unlink(key)
            redis.disconnect()
          }
        },
      }
    },
  })
}

/** The rights of a Redis user as docs/operations.md has them. */
function documentedRights(): string[] {
  const text = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
  const [, rights = ''] = /ACL SETUSER signalbox (on >secret [^`]*)```/.exec(text) ?? []
  return rights.trim().split(/\s+/)
}

const alone = (url: string): Topology => ({ url, servers: [{ url }] })

redisSuite(
  'in Redis',
  async () => alone(inject('redisUrl')),
  () => `test-${randomUUID()}:`,
)

// Such a server refuses a script that touches keys of two slots, or a key that it was not given.
let node: Promise<TestRedis> | undefined
redisSuite(
  'in Redis in cluster mode, under a prefix of another form',
  async () => alone((await (node ??= startTestRedis({ cluster: true, say: () => undefined }))).url),
  () => `${randomUUID()}/`,
)

let cluster: Promise<TestCluster> | undefined
redisSuite(
  'in a Redis Cluster of three nodes',
  async () => {
    const { url, primaries } = await (cluster ??= startCluster())
    return { url, servers: primaries }
  },
  () => `test-${randomUUID()}:`,
)

let sentinels: Promise<TestSentinels> | undefined
redisSuite(
  'in a Redis that sentinels watch',
  async () => {
    const watched = await (sentinels ??= startSentinels())
    return { url: watched.url, servers: [await watched.primary()] }
  },
  () => `test-${randomUUID()}:`,
)

let replicated: Promise<TestReplicated> | undefined
async function startRestricted(): Promise<TestReplicated> {
  const started = await startReplicated()
  const admin = new Redis(started.primary.url)
  await admin.acl('SETUSER', 'signalbox', ...documentedRights())
  admin.disconnect()
  return started
}
redisSuite(
  'in Redis with a Redis replica that is waited for, as a user with the documented rights',
  async () => {
    const { primary } = await (replicated ??= startRestricted())
    return { url: primary.url.replace('//', '//signalbox:secret@'), servers: [primary] }
  },
  () => `signalbox:${randomUUID()}:`,
  { waitReplicas: 1 },
)

test('no right was missing, and none is documented that is not needed', async () => {
  const { primary } = await (replicated ??= startRestricted())
  const admin = new Redis(primary.url)
  try {
    const store = createRedisStore({ url: primary.url.replace('//', '//signalbox:secret@'), waitReplicas: 1 })
    await vi.waitFor(() => store.ping())
    await store.warnings()
    // A loss, and the end of its guard.
    await admin.del('signalbox:marker:{}')
    await vi.waitFor(() => expect(store.guardMs()).toBeGreaterThan(0), { timeout: 5_000 })
    await vi.waitFor(() => expect(store.guardMs()).toBe(0), { timeout: 20_000 })
    await store.close()
    const refused: unknown = await admin.acl('LOG')
    // Servers before 7.2 do not know it, so it is not among the rights here.
    expect(Array.isArray(refused) && refused.filter((entry) => !String(entry).includes('client|setinfo'))).toEqual([])
    const used = new Set(
      [...(await admin.info('commandstats')).matchAll(/^cmdstat_([^:]+):/gm)].map(([, name]) => name),
    )
    const documented = documentedRights().flatMap((right) => (right.startsWith('+') ? [right.slice(1)] : []))
    expect(documented.length).toBeGreaterThan(30)
    expect(documented.filter((right) => !used.has(right))).toEqual([])
  } finally {
    admin.disconnect()
  }
})

test('in a cluster four rights more are enough', async () => {
  const { url, primaries } = await (cluster ??= startCluster())
  const admins = primaries.map((primary) => new Redis(primary.url))
  const more = ['+cluster|slots', '+cluster|info', '+asking', '+readonly']
  for (const admin of admins) await admin.acl('SETUSER', 'signalbox', ...documentedRights(), ...more)
  const store = createRedisStore({ url: url.replace('//', '//signalbox:secret@') })
  try {
    await vi.waitFor(() => store.ping(), { timeout: 10_000 })
    await store.warnings()
    await store.listen('r', () => undefined)
    for (const semaphore of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const create = { limit: 1, bounded: true, onConflict: 'keep' } as const
      const request = {
        semaphore,
        leaseId: randomUUID(),
        permits: 1,
        ttlMs: 60_000,
        enqueue: false,
        holder: '',
        create,
      }
      expect(await store.acquire({ ...request, attachment: { replica: 'r', number: 1 } })).toMatchObject({
        kind: 'granted',
      })
      expect(await store.remove({ semaphore, force: true })).toEqual({ kind: 'removed' })
    }
    for (const admin of admins) {
      const refused: unknown = await admin.acl('LOG')
      expect(Array.isArray(refused) && refused.filter((entry) => !String(entry).includes('client|setinfo'))).toEqual([])
    }
  } finally {
    await store.close()
    for (const admin of admins) admin.disconnect()
  }
})

afterAll(async () => {
  await Promise.all([node, cluster, sentinels, replicated].map(async (started) => (await started)?.stop()))
})
