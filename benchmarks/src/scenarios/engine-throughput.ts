import { randomUUID } from 'node:crypto'
import type { Engine } from '@signalbox/engine'
import { Redis } from 'ioredis'
import { Semaphore } from 'redis-semaphore'
import { contest } from '../contest.js'
import { figure } from '../figures.js'
import type { Row } from '../figures.js'
import { sampleOf } from '../statistics.js'

const together = 64
const roundMs = 2_000
const rounds = 5
const cycles = 'acquire + release in process, 64 at once'

interface Throughput {
  readonly perSecond: number
  /** Processor time of Redis for one cycle: hardly depends on what else the machine does. */
  readonly redisUs: number
  readonly nodeUs: number
}

/** Acquire and release in one process, on one connection to Redis each. */
export async function engineThroughput(engine: Engine, redisUrl: string): Promise<Row[]> {
  const redis = new Redis(redisUrl)
  const semaphores = Array.from({ length: together }, () => new Semaphore(redis, 'peer-throughput', together))
  await engine.configure({ semaphore: 'throughput', limit: together, bounded: true })
  const peerCycle = async (worker: number): Promise<void> => {
    await semaphores[worker]?.acquire()
    await semaphores[worker]?.release()
  }
  const results = await contest(
    [
      { name: 'Signalbox', round: () => measure(redis, () => engineCycle(engine)) },
      { name: 'redis-semaphore', round: () => measure(redis, peerCycle) },
    ],
    rounds,
  )
  redis.disconnect()
  const ours = results.get('Signalbox') ?? []
  const theirs = results.get('redis-semaphore') ?? []
  const row = (what: string, who: string, unit: string, values: readonly number[]): Row => {
    return { id: null, what, who, unit, sample: sampleOf(values) }
  }
  const rowsOf = (who: string, those: readonly Throughput[]): Row[] => [
    row(
      cycles,
      who,
      'cycles/s',
      those.map(({ perSecond }) => perSecond),
    ),
    row(
      'the same, processor time of Redis',
      who,
      'µs/cycle',
      those.map(({ redisUs }) => redisUs),
    ),
    row(
      'the same, processor time of Node',
      who,
      'µs/cycle',
      those.map(({ nodeUs }) => nodeUs),
    ),
  ]
  const ratios = ours.map(({ perSecond }, round) => perSecond / (theirs[round]?.perSecond ?? NaN))
  return [
    figure('engine_vs_redis_semaphore', sampleOf(ratios)),
    ...rowsOf('Signalbox', ours),
    ...rowsOf('redis-semaphore', theirs),
  ]
}

async function engineCycle(engine: Engine): Promise<void> {
  const leaseId = randomUUID()
  const request = { permits: 1, ttlMs: 30_000, waitMs: 0, holder: '', create: null }
  const attempt = engine.acquire({ semaphore: 'throughput', leaseId, ...request })
  const outcome = await attempt.outcome
  if (outcome.kind !== 'granted') throw new Error(`Not granted: ${outcome.kind}`)
  attempt.delivered()
  await engine.release({ semaphore: 'throughput', leaseId, retire: false })
}

async function measure(redis: Redis, cycle: (worker: number) => Promise<void>): Promise<Throughput> {
  const redisBeforeUs = await redisTimeUs(redis)
  const nodeBefore = process.cpuUsage()
  const startedAtMs = performance.now()
  let done = 0
  const work = async (_: unknown, worker: number): Promise<void> => {
    for (; performance.now() < startedAtMs + roundMs; done += 1) await cycle(worker)
  }
  await Promise.all(Array.from({ length: together }, work))
  const perSecond = (done / (performance.now() - startedAtMs)) * 1_000
  const { user, system } = process.cpuUsage(nodeBefore)
  const redisUs = ((await redisTimeUs(redis)) - redisBeforeUs) / done
  return { perSecond, redisUs, nodeUs: (user + system) / done }
}

async function redisTimeUs(redis: Redis): Promise<number> {
  const text = await redis.info('cpu')
  const seconds = [...text.matchAll(/^used_cpu_(?:user|sys):([\d.]+)/gm)].map(([, value]) => Number(value))
  return seconds.reduce((sum, each) => sum + each, 0) * 1_000_000
}
