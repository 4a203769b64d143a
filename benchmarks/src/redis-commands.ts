import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'

/** Per second. */
export interface Commands {
  /** Those that a client sent. */
  readonly sent: number
  /** With those that the scripts ran. */
  readonly all: number
}

/** What only clients send; whatever else is in the statistics was run by a script. */
const sentByClients = /^(evalsha|eval|fcall|script|ping|subscribe|ssubscribe|client|hello|auth|select|command)(\||$)/

/** Watches Redis for so long. */
export async function commandsOf(redis: Redis, windowMs: number): Promise<Commands> {
  const before = await calls(redis)
  const startedAtMs = performance.now()
  await sleep(windowMs)
  const after = await calls(redis)
  const seconds = (performance.now() - startedAtMs) / 1_000
  let sent = 0
  let all = 0
  for (const [command, count] of after) {
    const more = count - (before.get(command) ?? 0)
    // Its own question.
    if (command === 'info') continue
    all += more
    if (sentByClients.test(command)) sent += more
  }
  return { sent: sent / seconds, all: all / seconds }
}

async function calls(redis: Redis): Promise<Map<string, number>> {
  const statistics = await redis.info('commandstats')
  const lines = statistics.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)
  return new Map([...lines].map(([, command = '', count]) => [command, Number(count)]))
}
