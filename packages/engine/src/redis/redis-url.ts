export interface NodeAddress {
  readonly host: string
  readonly port: number
}

interface Login {
  readonly username?: string
  readonly password?: string
}

/** What a REDIS_URL says. `tls`: to every server it leads to, sentinels included. */
export type RedisAddress = {
  /** One server; the sentinels that know where the primary is; or nodes of a cluster, any of which knows the others. */
  readonly nodes: readonly NodeAddress[]
  readonly tls: boolean
  readonly login: Login
} & (
  | { readonly kind: 'single'; readonly db: number }
  | { readonly kind: 'sentinel'; readonly db: number; readonly name: string; readonly sentinelLogin: Login }
  | { readonly kind: 'cluster' }
)

/** Says what is wrong with a URL, in a sentence without a user, a password or anything else of it. */
export class RedisUrlError extends Error {
  override readonly name = 'RedisUrlError'
}

/** The forms there are, for people. */
export const redisUrlForms =
  'redis://[user:password@]host[:port][/database], redis-sentinel://[user:password@]host[:port],…/primary-name[/database] or redis-cluster://[user:password@]host[:port],…; each with rediss for TLS'

const form = /^redis(s?)(-sentinel|-cluster)?:\/\/(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/
const hostAndPort = /^([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(?::(\d{1,5}))?$/

/** @throws RedisUrlError when it is none of the forms. */
export function parseRedisUrl(url: string): RedisAddress {
  const parts = form.exec(url)
  if (parts === null) throw new RedisUrlError('It is not of the form of a URL of Redis.')
  const [, tls, suffix, login, hosts = '', path = '', query = ''] = parts
  const isSentinel = suffix === '-sentinel'
  const shared = {
    nodes: hosts.split(',').map((host) => nodeOf(host, isSentinel ? 26_379 : 6_379)),
    tls: tls === 's',
    login: loginOf(login),
  }
  if (suffix === '-cluster') {
    if (path !== '' && path !== '0') throw new RedisUrlError('A cluster has no databases but 0.')
    return { kind: 'cluster', ...shared }
  }
  if (!isSentinel) {
    if (shared.nodes.length > 1) throw new RedisUrlError('Several hosts need redis-sentinel:// or redis-cluster://.')
    return { kind: 'single', ...shared, db: databaseOf(path) }
  }
  const [name = '', db = ''] = splitOnce(path, '/')
  if (name === '') throw new RedisUrlError('The name of the primary is missing, as the path after the sentinels.')
  return { kind: 'sentinel', ...shared, db: databaseOf(db), name: decode(name), sentinelLogin: sentinelLoginOf(query) }
}

/** Where it leads, for people: never a user or a password. */
export function placeOfRedisUrl(url: string): string {
  const address = parseRedisUrl(url)
  const nodes = address.nodes.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(', ')
  switch (address.kind) {
    case 'single':
      return nodes
    case 'sentinel':
      return `the primary of ${address.name} that the sentinels at ${nodes} name`
    case 'cluster':
      return `the cluster of ${nodes}`
  }
}

function nodeOf(text: string, defaultPort: number): NodeAddress {
  const [, host = '', port = String(defaultPort)] = hostAndPort.exec(text) ?? []
  if (host === '') throw new RedisUrlError('Each host must be a name or an address, with or without a port.')
  if (Number(port) === 0 || Number(port) > 65_535) throw new RedisUrlError('A port is a number from 1 to 65535.')
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

function loginOf(text: string | undefined): Login {
  if (text === undefined || text === '') return {}
  const [username = '', password] = splitOnce(text, ':')
  return {
    ...(username === '' ? {} : { username: decode(username) }),
    ...(password === undefined ? {} : { password: decode(password) }),
  }
}

function sentinelLoginOf(query: string): Login {
  const given = new URLSearchParams(query)
  const [username, password] = [given.get('sentinelUsername'), given.get('sentinelPassword')]
  return { ...(username === null ? {} : { username }), ...(password === null ? {} : { password }) }
}

function databaseOf(text: string): number {
  if (!/^\d{0,5}$/.test(text)) throw new RedisUrlError('A database is a number.')
  return Number(text)
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator)
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + separator.length)]
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new RedisUrlError('A % must begin an escape such as %40; a % itself is %25.')
  }
}
