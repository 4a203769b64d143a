import { createMemoryStore, createRedisStore } from '@signalbox/engine'
import { Redis } from 'ioredis'
import { sendBytes, sendRequests, type Finding } from './campaign.js'
import { furnish, Refusals, sendRefusals } from './refusals.js'
import { openTarget, type Target } from './target.js'
import type { WireAnswer, WireRequest } from './wire.js'

export interface FuzzOptions {
  readonly requests: number
  readonly seed: number
  readonly redisUrl: string
  /** Told of each part when it is done. */
  readonly say?: (line: string) => void
}

export interface FuzzReport {
  readonly findings: readonly Finding[]
  readonly requests: number
  /** How often each status and code was the answer. */
  readonly answers: ReadonlyMap<string, number>
}

/** Which part of the requests goes where; the rest goes to a service with the memory store and no keys. */
const shares = { keys: 0.15, bytes: 0.15, redis: 0.1, refusals: 0.1 }

/** Sends that many requests, generated from the seed, to services of its own. Nothing is left of them, in Redis neither. */
export async function fuzz({ requests, seed, redisUrl, say = () => undefined }: FuzzOptions): Promise<FuzzReport> {
  const findings: Finding[] = []
  const answers = new Map<string, number>()
  const unhandled = (error: unknown) => findings.push({ wrong: `an unhandled rejection: ${String(error)}`, sent: '' })
  process.on('unhandledRejection', unhandled)
  const keyPrefix = `fuzz-${process.pid}-${seed}:`
  const redis = new Redis(redisUrl)
  const memory = createMemoryStore()
  const store = createRedisStore({ url: redisUrl, keyPrefix })
  const furnished = createRedisStore({ url: redisUrl, keyPrefix: `${keyPrefix}furnished:` })
  const count = (share: number) => Math.round(requests * share)
  const most = requests - Object.values(shares).reduce((sum, share) => sum + count(share), 0)
  const refusals = new Refusals(count(shares.refusals))
  let sent = 0

  const part = async (name: string, target: Target, run: () => Promise<Finding[]>, size: number) => {
    const startedAtMs = performance.now()
    let found: Finding[]
    let left: number
    try {
      found = await run()
      left = await waitersLeft(target)
    } finally {
      await target.close()
    }
    const errors = target.errors.map((error) => ({ wrong: `logged as an error: ${error}`, sent: '' }))
    const stuck = left === 0 ? [] : [{ wrong: `${left} acquires wait though nobody is connected`, sent: '' }]
    findings.push(...found, ...errors, ...stuck)
    sent += size
    const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1)
    say(`${name}: ${size} in ${seconds} s, ${found.length + errors.length + stuck.length} findings`)
  }
  const ask = async (name: string, target: Target, size: number, note: Refusals['note'] = () => undefined) => {
    const seen = (request: WireRequest, answer: WireAnswer) => {
      const code = answer.status < 400 ? '' : (/"code":"(\w+)"/.exec(answer.body)?.[1] ?? '')
      const key = `${answer.status} ${code}`.trim()
      answers.set(key, (answers.get(key) ?? 0) + 1)
      note(request, answer)
    }
    await part(name, target, () => sendRequests(target, { seed, requests: size, seen }), size)
  }

  try {
    await ask('requests', await openTarget(memory), most, refusals.note)
    await ask('requests with keys', await openTarget(memory, { hasKeys: true }), count(shares.keys))
    const raw = await openTarget(memory)
    await part('bytes', raw, () => sendBytes(raw, { seed, requests: count(shares.bytes) }), count(shares.bytes))
    await ask('requests on Redis', await openTarget(store), count(shares.redis))
    await furnish(furnished)
    const last = await openTarget(furnished)
    const where = { redis, keyPrefix: `${keyPrefix}furnished:` }
    await part(
      'refused again on Redis',
      last,
      () => sendRefusals(last, refusals.requests, where),
      refusals.requests.length,
    )
  } finally {
    process.off('unhandledRejection', unhandled)
    await Promise.all([memory.close(), store.close(), furnished.close()])
    for await (const keys of redis.scanStream({ match: `${keyPrefix}*`, count: 1_000 })) await unlink(redis, keys)
    redis.disconnect()
  }
  return { findings, requests: sent, answers }
}

async function unlink(redis: Redis, keys: unknown): Promise<void> {
  if (Array.isArray(keys) && keys.length > 0) await redis.unlink(...keys.map(String))
}

/** Closed connections end their waits, each by a call of the store. */
async function waitersLeft(target: Target): Promise<number> {
  const untilMs = performance.now() + 5_000
  while (target.waiting() > 0 && performance.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 5))
  return target.waiting()
}
