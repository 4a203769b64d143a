import { startLocalRedis } from './local-redis.js'
import { untilAnswer } from './resp-probe.js'
import { serverProgram } from './server-program.js'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js'
import type { TestRedis } from './test-redis.js'

/** A primary, and a Redis replica that hears of every write over a link that can be hurt. */
export interface TestReplicated {
  readonly primary: TestRedis
  readonly link: TcpProxy
  readonly replica: TestRedis
  stop(): Promise<void>
}

/** Local processes, whatever else the tests use: one has to reach the other. Resolves when the Redis replica is in step. */
export async function startReplicated(say: (line: string) => void = () => undefined): Promise<TestReplicated> {
  const program = await serverProgram(say)
  const primary = await startLocalRedis(program, { config: ['--repl-diskless-sync-delay', '0'] })
  const link = await startTcpProxy(primary)
  const replica = await startLocalRedis(program, { config: ['--replicaof', `${link.host} ${String(link.port)}`] })
  await untilAnswer(primary.host, primary.port, 'INFO replication', /state=online/)
  return {
    primary,
    link,
    replica,
    stop: async () => {
      await Promise.all([primary.stop(), replica.stop(), link.close()])
    },
  }
}
