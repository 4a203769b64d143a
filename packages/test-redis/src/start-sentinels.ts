import { type Access, schemeAndLogin } from './access.js'
import type { Launcher } from './launcher.js'
import { ask, untilAnswer } from './resp-probe.js'
import { startLauncher } from './server-program.js'
import { serverArguments } from './test-redis.js'
import type { TestRedis } from './test-redis.js'

const host = '127.0.0.1'
const name = 'orders'
/** As docs/operations.md has them. */
const sentinelRights =
  'resetchannels &+switch-master -@all +hello +client|setname +info +sentinel|get-master-addr-by-name +sentinel|sentinels +subscribe'
/** What sentinels that let not everybody in tell each other. */
const amongSentinels = 'sentinels-only'

/** A primary, a Redis replica of it, and three sentinels that watch them. */
export interface TestSentinels {
  readonly url: string
  readonly servers: readonly TestRedis[]
  readonly sentinels: readonly TestRedis[]
  /** Whom a sentinel names now. */
  primary(): Promise<TestRedis>
  /** Makes the Redis replica the primary, both being alive. Resolves when the sentinels say that it is. */
  failOver(): Promise<void>
  stop(): Promise<void>
}

export interface SentinelOptions {
  /** Of the servers. */
  readonly access?: Access
  /** Whom the sentinels let in. They show the same certificate as the servers. */
  readonly sentinelLogin?: { readonly username: string; readonly password: string }
}

export async function startSentinels(options: SentinelOptions = {}): Promise<TestSentinels> {
  const { access = {}, sentinelLogin } = options
  const login = access.password === undefined ? [] : ['--masterauth', access.password]
  const launcher = await startLauncher(5)
  const startServer = (...config: string[]): Promise<TestRedis> =>
    launcher.start({
      argumentsAt: () => serverArguments({ config: ['--repl-diskless-sync-delay', '0', ...login, ...config] }),
      access,
    })
  try {
    const first = await startServer()
    const second = await startServer('--replicaof', `${host} ${first.port}`)
    await untilAnswer(first, 'INFO replication', /state=online/)
    const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(launcher, first.port, options)))
    await Promise.all(sentinels.map(untilItKnowsAll))
    const query =
      sentinelLogin === undefined
        ? ''
        : `?sentinelUsername=${sentinelLogin.username}&sentinelPassword=${sentinelLogin.password}`
    const url = `${schemeAndLogin(access, '-sentinel')}${sentinels.map(({ port }) => `${host}:${port}`).join(',')}/${name}`
    return { ...topologyOf([first, second], sentinels), url: `${url}${query}`, stop: () => launcher.stop() }
  } catch (error) {
    await launcher.stop()
    throw error
  }
}

function topologyOf(servers: TestRedis[], sentinels: TestRedis[]): Omit<TestSentinels, 'url' | 'stop'> {
  const askAny = async (command: string): Promise<string> =>
    Promise.any(sentinels.map((sentinel) => ask(sentinel, command)))
  const primary = async (): Promise<TestRedis> => {
    const answer = await askAny(`SENTINEL GET-MASTER-ADDR-BY-NAME ${name}`)
    const named = servers.find(({ port }) => answer.split('\r\n').includes(String(port)))
    if (named === undefined) throw new Error(`The sentinels name ${answer.trim()}, which is none of the servers.`)
    return named
  }
  return {
    servers,
    sentinels,
    primary,
    async failOver() {
      const [first] = sentinels
      if (first === undefined) throw new Error('There is no sentinel.')
      const before = await primary()
      // Refused for some time after another failover.
      await untilAnswer(first, `SENTINEL FAILOVER ${name}`, /^\+OK/)
      const after = servers.filter((server) => server !== before).map(({ port }) => `\\$\\d+\\r\\n${port}\\r`)
      const wish = new RegExp(after.join('|'))
      await Promise.all(
        sentinels.map((sentinel) => untilAnswer(sentinel, `SENTINEL GET-MASTER-ADDR-BY-NAME ${name}`, wish)),
      )
    },
  }
}

function startSentinel(
  launcher: Launcher,
  primaryPort: number,
  { access = {}, sentinelLogin }: SentinelOptions,
): Promise<TestRedis> {
  const lines = [
    `sentinel monitor ${name} ${host} ${primaryPort} 2`,
    `sentinel down-after-milliseconds ${name} 1000`,
    `sentinel failover-timeout ${name} 4000`,
    ...(sentinelLogin === undefined
      ? []
      : [`user ${sentinelLogin.username} on >${sentinelLogin.password} ${sentinelRights}`]),
    ...(access.password === undefined ? [] : [`sentinel auth-pass ${name} ${access.password}`]),
  ]
  return launcher.start({
    // A file, because a sentinel writes what it learns into it.
    files: { 'sentinel.conf': lines.map((line) => `${line}\n`).join('') },
    access: { ...access, password: sentinelLogin === undefined ? undefined : amongSentinels },
    argumentsAt: ({ folder }) => [`${folder}/sentinel.conf`, '--sentinel'],
  })
}

/** Until then it would not agree to a failover, or know nobody to make the primary. */
async function untilItKnowsAll(sentinel: TestRedis): Promise<void> {
  await untilAnswer(sentinel, `SENTINEL CKQUORUM ${name}`, /OK 3 usable/)
  await untilAnswer(sentinel, 'INFO sentinel', /slaves=1,sentinels=3/)
}
