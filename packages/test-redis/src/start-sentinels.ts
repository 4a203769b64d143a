import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { placeArguments, startLocalRedis, startLocalServer } from './local-redis.js'
import { ask, untilAnswer } from './resp-probe.js'
import { serverProgram } from './server-program.js'
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

/** Local processes, whatever else the tests use: the addresses that they tell each other must be those that a client reaches. */
export async function startSentinels(say: (line: string) => void = () => undefined): Promise<TestSentinels> {
  const program = await serverProgram(say)
  const started: TestRedis[] = []
  const start = async (starting: Promise<TestRedis>): Promise<TestRedis> => {
    const server = await starting
    started.push(server)
    return server
  }
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()))
  }
  try {
    const first = await start(startLocalRedis(program, { config: ['--repl-diskless-sync-delay', '0'] }))
    const second = await start(
      startLocalRedis(program, { config: ['--replicaof', `${host} ${first.port}`, '--repl-diskless-sync-delay', '0'] }),
    )
    await untilAnswer(host, first.port, 'INFO replication', /state=online/)
    const sentinels = await Promise.all([1, 2, 3].map(() => start(startSentinel(program, first.port))))
    await Promise.all(sentinels.map((sentinel) => untilItKnowsAll(sentinel.port)))
    return topologyOf([first, second], sentinels, stop)
  } catch (error) {
    await stop()
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

function startSentinel(program: string, primaryPort: number): Promise<TestRedis> {
  return startLocalServer(program, {
    argumentsOn(port, folder) {
      // A file, because a sentinel writes what it learns into it.
      const file = join(folder, 'sentinel.conf')
      const timing = [`sentinel down-after-milliseconds ${name} 1000`, `sentinel failover-timeout ${name} 4000`]
      writeFileSync(file, [`sentinel monitor ${name} ${host} ${primaryPort} 2`, ...timing, ''].join('\n'))
      return [file, '--sentinel', ...placeArguments(port, folder)]
    },
  })
}

/** Until then it would not agree to a failover, or know nobody to make the primary. */
async function untilItKnowsAll(port: number): Promise<void> {
  await untilAnswer(host, port, `SENTINEL CKQUORUM ${name}`, /OK 3 usable/)
  await untilAnswer(host, port, 'INFO sentinel', /slaves=1,sentinels=3/)
}
