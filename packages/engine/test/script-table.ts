import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { inject } from 'vitest'
import { compileAll, readSources } from '../compiler/compile.js'
import { createKeyspace } from '../src/redis/keyspace.js'
import type { RedisStoreOptions } from '../src/redis/redis-store.js'
import { createScriptRunner } from '../src/redis/script-runner.js'
import { scripts } from '../src/redis/scripts.gen.js'
import { storeErrorOf } from '../src/redis/store-error.js'
import type { ArgsOf, EachArgsOf, ReplyOf, Script, ScriptOfMany } from '../src/redis/script-spec.js'
import { defaultStoreSettings } from '../src/store.js'

type Scripts = typeof scripts
export type ScriptName = keyof Scripts

/** The arguments that nearly every script takes, with the values that a table need not state. */
type CommonArgs =
  'name' | 'channel' | 'graceMs' | 'idleMs' | 'batchMax' | 'retireMs' | 'requestIdMs' | 'queueMax' | 'homeReplica'
export type TableArgs<S extends Script> = Omit<ArgsOf<S>, CommonArgs> &
  Partial<Pick<ArgsOf<S>, CommonArgs & keyof ArgsOf<S>>> &
  (S extends ScriptOfMany ? EachArgsOf<S> : unknown)

/** One key: fields of a hash, or score by member of a sorted set, or the string itself. */
export type Dump = Readonly<Record<string, Readonly<Record<string, string>> | string>>

/** Scripts of lua/ that read the clock, in µs, from the last argument: the texts that run on a virtual clock. */
export const virtualClockScripts = compileAll(
  readSources(fileURLToPath(new URL('../lua', import.meta.url)), {
    clock: 'local now_us = tonumber(ARGV[#ARGV])',
  }),
)

export class VirtualClock {
  nowUs: number
  constructor(nowMs: number) {
    this.nowUs = nowMs * 1_000
  }
  get nowMs(): number {
    return Math.floor(this.nowUs / 1_000)
  }
  advance(ms: number): void {
    this.nowUs += ms * 1_000
  }
  readonly extraArgs = (): readonly string[] => [String(this.nowUs)]
}

/** The test Redis that the whole run shares. */
export function redisUrl(): string {
  return process.env['SIGNALBOX_TEST_REDIS_URL'] ?? inject('redisUrl')
}

export interface ScriptTable {
  readonly redis: Redis
  readonly clock: VirtualClock
  /** Options that put a Redis store on the same clock. */
  readonly virtualClock: Pick<RedisStoreOptions, 'texts' | 'extraArgs'>
  readonly keyPrefix: string
  readonly semaphore: string
  /** Runs one script of lua/ on the table's semaphore. `again` is answered as the store answers it: by running it again. */
  call<N extends ScriptName>(
    name: N,
    args: TableArgs<Scripts[N]> & { requestId?: string },
  ): Promise<ReplyOf<Scripts[N]>>
  /** Leases found past their deadline by the calls so far. */
  readonly expired: number
  /** Everything there is under the table's prefix, its own prefix taken away: `{ state: {…}, deadlines: {…} }`. */
  snapshot(): Promise<Dump>
  /** Time to live of each key, ms; -1: none. */
  ttls(): Promise<Readonly<Record<string, number>>>
  /** What is told to this replica from now on, as it is on the wire. */
  listen(replica: string): Promise<string[]>
  /** Removes the keys and closes the connections. */
  close(): Promise<void>
}

/** A semaphore of its own under a random prefix of the shared test Redis, on a clock that only the test moves. */
export function createScriptTable(url = redisUrl()): ScriptTable {
  const redis = new Redis(url, { commandTimeout: 5_000 })
  const listeners: Redis[] = []
  const keyPrefix = `test-${randomUUID()}:`
  const semaphore = 's'
  const clock = new VirtualClock(1_700_000_000_000)
  const keyspace = createKeyspace(keyPrefix)
  let expired = 0
  const { run, join } = createScriptRunner({
    client: redis,
    errorOf: storeErrorOf,
    texts: virtualClockScripts,
    extraArgs: clock.extraArgs,
    observer: { called: () => undefined, expired: ({ leases }) => (expired += leases) },
  })
  const keys = (): Promise<string[]> => redis.keys(`${keyPrefix}*`)
  const short = (key: string): string => key.slice(`${keyPrefix}{${semaphore}}:`.length)

  async function dump(key: string): Promise<Readonly<Record<string, string>> | string> {
    switch (await redis.type(key)) {
      case 'hash':
        return redis.hgetall(key)
      case 'zset': {
        const flat = await redis.zrange(key, 0, '-1', 'WITHSCORES')
        const scores: Record<string, string> = {}
        for (let i = 0; i < flat.length; i += 2) scores[flat[i] ?? ''] = flat[i + 1] ?? ''
        return scores
      }
      default:
        return (await redis.get(key)) ?? ''
    }
  }

  return {
    redis,
    clock,
    virtualClock: { texts: virtualClockScripts, extraArgs: clock.extraArgs },
    keyPrefix,
    semaphore,
    get expired() {
      return expired
    },
    call(name, args) {
      const given: Readonly<Record<string, unknown>> = args
      const keysOfCall = {
        ...keyspace.of(semaphore),
        retired: keyspace.retired(semaphore, String(given['leaseId'])),
        grown: keyspace.grown(semaphore, String(given['requestId'])),
        marker: keyspace.marker(''),
      }
      const all = { name: semaphore, channel: keyspace.channel, homeReplica: '', ...defaultStoreSettings, ...args }
      // Every key and every common argument is there, the rest is in TableArgs: to encode the call would throw if one were missing.
      type Send = (...call: unknown[]) => Promise<ReplyOf<Scripts[typeof name]>>
      const both = { keys: keysOfCall, args: all }
      if ('each' in scripts[name]) return (join as Send)(scripts[name], semaphore, () => both, both)
      return (run as Send)(scripts[name], semaphore, keysOfCall, all)
    },
    async snapshot() {
      const found = (await keys()).sort()
      return Object.fromEntries(await Promise.all(found.map(async (key) => [short(key), await dump(key)] as const)))
    },
    async ttls() {
      const found = (await keys()).sort()
      return Object.fromEntries(
        await Promise.all(found.map(async (key) => [short(key), await redis.pttl(key)] as const)),
      )
    },
    async listen(replica) {
      const heard: string[] = []
      const listener = redis.duplicate()
      listeners.push(listener)
      listener.on('message', (_channel, message) => heard.push(message))
      await listener.subscribe(`${keyspace.channel}${replica}`)
      return heard
    },
    async close() {
      const found = await keys()
      if (found.length > 0) await redis.unlink(found)
      for (const connection of [redis, ...listeners]) connection.disconnect()
    },
  }
}
