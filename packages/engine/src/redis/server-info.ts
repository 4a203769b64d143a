import type { Redis } from 'ioredis'

type ServerClient = Pick<Redis, 'info' | 'config' | 'options'>

function fieldsOf(info: string): ReadonlyMap<string, string> {
  const pairs = [...info.matchAll(/^([^#:\r\n]+):(.*?)\r?$/gm)]
  return new Map(pairs.map(([, name = '', value = '']) => [name, value]))
}

/** "redis 7.0.15 at 127.0.0.1:6379", "valkey 8.1.1 at …": never a user or a password. */
export async function describeServer(client: ServerClient): Promise<string> {
  const fields = fieldsOf(await client.info('server'))
  const name = fields.get('server_name') ?? 'redis'
  const version = fields.get(`${name}_version`) ?? 'of unknown version'
  const { path, host = 'localhost', port = 6379 } = client.options
  return `${name} ${version} at ${path ?? `${host}:${port}`}`
}

/** One sentence for each way in which this server may forget what it was told; for the log at start-up. */
export async function serverWarnings(client: ServerClient): Promise<readonly string[]> {
  const warnings: string[] = []
  const fields = fieldsOf(`${await client.info('memory')}\r\n${await client.info('persistence')}`)
  const policy = fields.get('maxmemory_policy') ?? 'noeviction'
  if (policy !== 'noeviction') {
    warnings.push(`maxmemory-policy is ${policy}: Redis may evict semaphores that are in use. Set it to noeviction.`)
  }
  if (fields.get('aof_enabled') === '0' && !(await hasSnapshots(client))) {
    warnings.push('appendonly is no and save is empty: a restart of Redis forgets every lease. Set appendonly to yes.')
  }
  return warnings
}

/** True also where CONFIG is not allowed (managed services): what is not known is not warned of. */
async function hasSnapshots(client: ServerClient): Promise<boolean> {
  const reply: unknown = await client.config('GET', 'save').catch(() => null)
  return !Array.isArray(reply) || reply[1] !== ''
}
