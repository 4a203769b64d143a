import { contest } from '../contest.js'
import type { Acquire, Contestant } from '../contestants/contestant.js'
import { redisLoadOf } from '../redis-load.js'
import { withoutEtcd } from '../stage.js'
import type { Stage } from '../stage.js'
import { median, quantile, sampleOf } from '../statistics.js'
import type { Sample } from '../statistics.js'
import { cellsOf } from './scenario.js'
import type { Scenario } from './scenario.js'

const metrics = ['pairs/s', 'p50 ms', 'p99 ms', 'Redis µs/pair'] as const
type Round = Record<(typeof metrics)[number], number>
type Rounds = ReadonlyMap<string, readonly Round[]>

export const uncontended: Scenario = {
  name: 'uncontended',
  title: 'Uncontended: acquire and release, a permit for everybody',
  charted: 'pairs/s',
  run: async (stage) => {
    const { engine, http, sdk, redisSemaphore, redlock, bottleneck, etcd, redisFloor, fastifyFloor } = stage.contestants
    const all = [engine, http, sdk, redisSemaphore, redlock, bottleneck, etcd, redisFloor, fastifyFloor]
    const present = all.filter((contestant) => contestant !== null)
    const at = new Map<number, Rounds>()
    for (const callers of [1, 64, 512]) at.set(callers, await race(stage, present, callers))
    const ratio = (callers: number, ours: Contestant, theirs: Contestant): Sample => {
      const base = at.get(callers)?.get(theirs.name) ?? []
      const rounds = at.get(callers)?.get(ours.name) ?? []
      return sampleOf(rounds.map((round, index) => round['pairs/s'] / (base[index]?.['pairs/s'] ?? NaN)))
    }
    return {
      figures: [
        { id: 'http_ratio', sample: ratio(64, http, fastifyFloor) },
        { id: 'sdk_ratio', sample: ratio(512, sdk, http) },
        { id: 'engine_vs_redis_semaphore', sample: ratio(64, engine, redisSemaphore) },
      ],
      cells: [...at].flatMap(([callers, results]) =>
        [...results].flatMap(([who, rounds]) => cellsOf(`${callers} in flight`, who, rounds, metrics)),
      ),
      notes: [
        'A pair is an acquire and its release. All callers share one process; over HTTP each has a connection of its own, the SDK has one client.',
        'redlock and etcd have locks, no semaphores: each caller has a lock of its own here. redlock is given one server, the least it does.',
        'etcd writes to disk before it answers; this Redis does not.',
        ...(etcd === null ? [withoutEtcd] : []),
      ],
    }
  },
}

async function race(stage: Stage, contestants: readonly Contestant[], callers: number): Promise<Rounds> {
  const roundMs = stage.size(1_200, 150)
  return contest(
    contestants.map((contestant) => ({
      name: contestant.name,
      round: async () => {
        const crowd = await contestant.open({ semaphore: stage.newName(), limit: callers, callers })
        const tookMs: number[] = []
        const { seconds, cpuUs } = await redisLoadOf(stage.redis, () => pairsUntil(crowd.acquires, roundMs, tookMs))
        await crowd.close()
        return {
          'pairs/s': tookMs.length / seconds,
          'p50 ms': median(tookMs),
          'p99 ms': quantile(tookMs, 0.99),
          // What does not use this Redis has no such cost.
          'Redis µs/pair': contestant.usesRedis ? cpuUs / tookMs.length : NaN,
        }
      },
    })),
    stage.size(5, 1),
  )
}

async function pairsUntil(acquires: readonly Acquire[], forMs: number, tookMs: number[]): Promise<void> {
  const untilMs = performance.now() + forMs
  const work = async (acquire: Acquire): Promise<void> => {
    for (let startedAtMs = performance.now(); startedAtMs < untilMs; startedAtMs = performance.now()) {
      const release = await acquire()
      await release()
      tookMs.push(performance.now() - startedAtMs)
    }
  }
  await Promise.all(acquires.map(work))
}
