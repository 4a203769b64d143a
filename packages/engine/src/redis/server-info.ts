import type { Redis } from 'ioredis'
import type { Connection, Primaries } from './connection.js'

/** In which way a server may forget leases, or keep from granting them. */
export const storeWarningKinds = ['eviction', 'persistence', 'cluster_node', 'min_replicas', 'few_replicas'] as const

export interface StoreWarning {
  readonly kind: (typeof storeWarningKinds)[number]
  /** A sentence that says what to set. Never a user or a password. */
  readonly text: string
}

type ServerClient = Pick<Redis, 'info' | 'config' | 'cluster'>

function fieldsOf(info: string): ReadonlyMap<string, string> {
  const pairs = [...info.matchAll(/^([^#:\r\n]+):(.*?)\r?$/gm)]
  return new Map(pairs.map(([, name = '', value = '']) => [name, value]))
}

/** "redis 7.0.15": what runs there. */
async function versionOf(client: ServerClient): Promise<string> {
  const fields = fieldsOf(await client.info('server'))
  const name = fields.get('server_name') ?? 'redis'
  return `${name} ${fields.get(`${name}_version`) ?? 'of unknown version'}`
}

/**
 * "redis 7.0.15 at 127.0.0.1:6379", "valkey 8.1.1 at … (named by Sentinel)", "redis 7.0.15 at …, … (a cluster); not reachable: …": never a
 * user or a password. Of a cluster it is enough that one primary answers: the semaphores of the others may be served as well.
 */
export async function describeServer({ reachable, unreachable }: Primaries, kind: Connection['kind']): Promise<string> {
  const answers = await Promise.allSettled(reachable.map(({ client }) => versionOf(client)))
  const versions = new Set(answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])))
  const failed = answers.find((answer) => answer.status === 'rejected')
  if (versions.size === 0) throw failed?.reason ?? new Error('no primary is known')
  const answering = reachable.filter((_, index) => answers[index]?.status === 'fulfilled')
  const silent = reachable.filter((primary) => !answering.includes(primary))
  const missing = [...silent.map(({ address }) => address), ...unreachable]
  return [
    [...versions].join(' and '),
    ` at ${answering.map(({ address }) => address).join(', ')}`,
    { single: '', sentinel: ' (named by Sentinel)', cluster: ' (a cluster)' }[kind],
    missing.length === 0 ? '' : `; not reachable: ${missing.join(', ')}`,
  ].join('')
}

/** Each way in which these servers may forget what they were told. */
export async function serverWarnings(
  { reachable }: Primaries,
  kind: Connection['kind'],
  waitReplicas: number,
): Promise<readonly StoreWarning[]> {
  const each = await Promise.all(
    reachable.map(async ({ client, address }) => {
      const warnings = await warningsOf(client, kind, waitReplicas)
      return reachable.length === 1
        ? warnings
        : warnings.map(({ kind, text }) => ({ kind, text: `${address}: ${text}` }))
    }),
  )
  return each.flat()
}

async function warningsOf(
  client: ServerClient,
  kind: Connection['kind'],
  waitReplicas: number,
): Promise<readonly StoreWarning[]> {
  const warnings: StoreWarning[] = []
  const warn = (kind: StoreWarning['kind'], text: string) => warnings.push({ kind, text })
  const fields = fieldsOf(`${await client.info('memory')}\r\n${await client.info('persistence')}`)
  const policy = fields.get('maxmemory_policy') ?? 'noeviction'
  if (policy !== 'noeviction') {
    warn('eviction', `maxmemory-policy is ${policy}: Redis may evict semaphores that are in use. Set it to noeviction.`)
  }
  if (fields.get('aof_enabled') === '0' && (await settingOf(client, 'save')) === '') {
    warn(
      'persistence',
      'appendonly is no and save is empty: a restart of Redis forgets every lease. Set appendonly to yes.',
    )
  }
  if (kind === 'single' && (await isOneOfMany(client))) {
    warn('cluster_node', 'this is one node of a cluster: name it as redis-cluster:// in REDIS_URL.')
  }
  if (kind === 'sentinel' && (await settingOf(client, 'min-replicas-to-write')) === '0') {
    warn(
      'min_replicas',
      'min-replicas-to-write is 0: a primary that is cut off goes on granting while another takes its place. Set it to 1.',
    )
  }
  const attached = waitReplicas === 0 ? 0 : [...(await client.info('replication')).matchAll(/state=online/g)].length
  if (attached < waitReplicas) {
    warn(
      'few_replicas',
      `${attached} Redis replicas are attached, and ${waitReplicas} must have a lease before its caller is told: acquires are 503 until they are.`,
    )
  }
  return warnings
}

async function isOneOfMany(client: ServerClient): Promise<boolean> {
  if (fieldsOf(await client.info('cluster')).get('cluster_enabled') !== '1') return false
  return Number(fieldsOf(await client.cluster('INFO')).get('cluster_known_nodes')) > 1
}

/** Null where CONFIG is not allowed (managed services): what is not known is not warned of. */
async function settingOf(client: ServerClient, name: string): Promise<string | null> {
  const reply: unknown = await client.config('GET', name).catch(() => null)
  const value: unknown = Array.isArray(reply) ? reply[1] : null
  return typeof value === 'string' ? value : null
}
