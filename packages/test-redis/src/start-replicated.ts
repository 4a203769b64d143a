import { untilAnswer } from './resp-probe.js'
import { startLauncher } from './server-program.js'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js'
import { serverArguments } from './test-redis.js'
import type { TestRedis } from './test-redis.js'

/** A primary, and a Redis replica that hears of every write over a link that can be hurt. */
export interface TestReplicated {
  readonly primary: TestRedis
  readonly link: TcpProxy
  readonly replica: TestRedis
  stop(): Promise<void>
}

/** Resolves when the Redis replica is in step. */
export async function startReplicated(): Promise<TestReplicated> {
  const launcher = await startLauncher(2)
  const start = (...config: string[]): Promise<TestRedis> =>
    launcher.start({ argumentsAt: () => serverArguments({ config }) })
  try {
    const primary = await start('--repl-diskless-sync-delay', '0')
    const { listenAt, foundAt } = launcher.outside
    const link = await startTcpProxy(primary, listenAt)
    const replica = await start('--replicaof', `${foundAt} ${String(link.port)}`)
    await untilAnswer(primary, 'INFO replication', /state=online/)
    return {
      primary,
      link,
      replica,
      stop: async () => {
        await Promise.all([launcher.stop(), link.close()])
      },
    }
  } catch (error) {
    await launcher.stop()
    throw error
  }
}
