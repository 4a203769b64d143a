import type { Launcher } from './launcher.js'
import { ask, untilAnswer } from './resp-probe.js'
import { startLauncher } from './server-program.js'
import { serverArguments } from './test-redis.js'
import type { TestRedis } from './test-redis.js'

const host = '127.0.0.1'
const name = 'orders'

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

export async function startSentinels(): Promise<TestSentinels> {
  const launcher = await startLauncher(5)
  const startServer = (...config: string[]): Promise<TestRedis> =>
    launcher.start({
      argumentsAt: () => serverArguments({ config: ['--repl-diskless-sync-delay', '0', ...config] }),
    })
  try {
    const first = await startServer()
    const second = await startServer('--replicaof', `${host} ${first.port}`)
    await untilAnswer(host, first.port, 'INFO replication', /state=online/)
    const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(launcher, first.port)))
    await Promise.all(sentinels.map((sentinel) => untilItKnowsAll(sentinel.port)))
    return topologyOf([first, second], sentinels, () => launcher.stop())
  } catch (error) {
    await launcher.stop()
    throw error
  }
}

function topologyOf(servers: TestRedis[], sentinels: TestRedis[], stop: () => Promise<void>): TestSentinels {
  const askAny = async (command: string): Promise<string> =>
    Promise.any(sentinels.map(({ port }) => ask(host, port, command)))
  const primary = async (): Promise<TestRedis> => {
    const answer = await askAny(`SENTINEL GET-MASTER-ADDR-BY-NAME ${name}`)
    const named = servers.find(({ port }) => answer.split('\r\n').includes(String(port)))
    if (named === undefined) throw new Error(`The sentinels name ${answer.trim()}, which is none of the servers.`)
    return named
  }
  return {
    url: `redis-sentinel://${sentinels.map(({ port }) => `${host}:${port}`).join(',')}/${name}`,
    servers,
    sentinels,
    primary,
    async failOver() {
      const [first] = sentinels
      if (first === undefined) throw new Error('There is no sentinel.')
      const before = await primary()
      // Refused for some time after another failover.
      await untilAnswer(host, first.port, `SENTINEL FAILOVER ${name}`, /^\+OK/)
      const after = servers.filter((server) => server !== before).map(({ port }) => `\\$\\d+\\r\\n${port}\\r`)
      const wish = new RegExp(after.join('|'))
      await Promise.all(
        sentinels.map(({ port }) => untilAnswer(host, port, `SENTINEL GET-MASTER-ADDR-BY-NAME ${name}`, wish)),
      )
    },
    stop,
  }
}

function startSentinel(launcher: Launcher, primaryPort: number): Promise<TestRedis> {
  const lines = [
    `sentinel monitor ${name} ${host} ${primaryPort} 2`,
    `sentinel down-after-milliseconds ${name} 1000`,
    `sentinel failover-timeout ${name} 4000`,
  ]
  return launcher.start({
    // A file, because a sentinel writes what it learns into it.
    file: { name: 'sentinel.conf', text: lines.map((line) => `${line}\n`).join('') },
    argumentsAt: ({ folder }) => [`${folder}/sentinel.conf`, '--sentinel'],
  })
}

/** Until then it would not agree to a failover, or know nobody to make the primary. */
async function untilItKnowsAll(port: number): Promise<void> {
  await untilAnswer(host, port, `SENTINEL CKQUORUM ${name}`, /OK 3 usable/)
  await untilAnswer(host, port, 'INFO sentinel', /slaves=1,sentinels=3/)
}
