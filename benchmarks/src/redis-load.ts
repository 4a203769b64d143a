import type { Redis } from 'ioredis'

/** What Redis did while something went on. */
export interface RedisLoad {
  readonly seconds: number
  /** Commands that a client sent. */
  readonly sent: number
  /** With those that the scripts ran. */
  readonly commands: number
  /** Time inside the scripts, µs: without the reading and writing of sockets. */
  readonly scriptsUs: number
  /** Processor time of the server, µs. */
  readonly cpuUs: number
}

/** What only clients send; whatever else is in the statistics was run by a script. */
const sentByClients = /^(evalsha|eval|fcall|script|ping|subscribe|ssubscribe|client|hello|auth|select|command)(\||$)/

export async function redisLoadOf(redis: Redis, work: () => Promise<unknown>): Promise<RedisLoad> {
  const before = await countersOf(redis)
  const startedAtMs = performance.now()
  await work()
  const seconds = (performance.now() - startedAtMs) / 1_000
  const after = await countersOf(redis)
  let [sent, commands, scriptsUs] = [0, 0, 0]
  for (const [command, { calls, us }] of after.commands) {
    const then = before.commands.get(command) ?? { calls: 0, us: 0 }
    // Its own question.
    if (command === 'info') continue
    commands += calls - then.calls
    if (sentByClients.test(command)) sent += calls - then.calls
    if (command === 'evalsha') scriptsUs += us - then.us
  }
  return { seconds, sent, commands, scriptsUs, cpuUs: after.cpuUs - before.cpuUs }
}

/** Of what it keeps, and of its connections. */
export async function memoryOf(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1])
}

interface Counters {
  readonly commands: ReadonlyMap<string, { calls: number; us: number }>
  readonly cpuUs: number
}

async function countersOf(redis: Redis): Promise<Counters> {
  const lines = (await redis.info('commandstats')).matchAll(/^cmdstat_(\S+?):calls=(\d+),usec=(\d+)/gm)
  const commands = [...lines].map(
    ([, name = '', calls, us]) => [name, { calls: Number(calls), us: Number(us) }] as const,
  )
  const cpu = await redis.info('cpu')
  const secondsOf = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(cpu)?.[1])
  const cpuUs = (secondsOf('used_cpu_sys') + secondsOf('used_cpu_user')) * 1_000_000
  return { commands: new Map(commands), cpuUs }
}
