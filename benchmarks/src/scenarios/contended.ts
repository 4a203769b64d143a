import { contest } from '../contest.js'
import type { Acquire, Contestant } from '../contestants/contestant.js'
import { withoutEtcd } from '../stage.js'
import type { Stage } from '../stage.js'
import { median, quantile } from '../statistics.js'
import { cellsOf } from './scenario.js'
import type { Scenario } from './scenario.js'

const contenders = 100
/** Whoever came so much earlier has been overtaken beyond doubt: on the way, requests may pass each other. */
const earlierMs = 20
const metrics = ['grants/s', 'release → grant p50 ms', 'p99 ms', 'overtaken %'] as const
type Round = Record<(typeof metrics)[number], number>

export const contended: Scenario = {
  name: 'contended',
  title: `Contended: ${contenders} who want a permit all the time`,
  charted: 'grants/s',
  run: async (stage) => {
    const { engine, http, sdk, redisSemaphore, redlock, bottleneck, etcd } = stage.contestants
    const all = [engine, http, sdk, redisSemaphore, redlock, bottleneck, etcd].filter((one) => one !== null)
    const atOne = await race(stage, all, 1)
    const atTen = await race(
      stage,
      all.filter(({ isLock }) => !isLock),
      10,
    )
    const cells = (at: string, results: ReadonlyMap<string, readonly Round[]>) =>
      [...results].flatMap(([who, rounds]) => cellsOf(at, who, rounds, metrics))
    return {
      figures: [],
      cells: [...cells('limit 1', atOne), ...cells('limit 10', atTen)],
      notes: [
        'release → grant: from the call of a release until the next caller has its permit. Each holds for a turn of the event loop.',
        `overtaken: grants to one who came ${earlierMs} ms or more after another who still waits; 0 is first come, first served.`,
        'redlock and etcd have locks, no semaphores: limit 10 is left blank.',
        "Bottleneck's queue is in the process and its order holds within one limiter; contenders in other processes would compete with it.",
        ...(etcd === null ? [withoutEtcd] : []),
      ],
    }
  },
}

async function race(stage: Stage, contestants: readonly Contestant[], limit: number) {
  const roundMs = stage.size(2_000, 300)
  return contest(
    contestants.map((contestant) => ({
      name: contestant.name,
      round: async () => {
        const crowd = await contestant.open({ semaphore: stage.newName(), limit, callers: contenders })
        const round = await compete(crowd.acquires, roundMs)
        await crowd.close()
        return round
      },
    })),
    stage.size(3, 1),
  )
}

async function compete(acquires: readonly Acquire[], forMs: number): Promise<Round> {
  // In the order of their coming.
  const waiting = new Set<{ readonly sinceMs: number }>()
  const releasedAtMs: number[] = []
  const tookMs: number[] = []
  let [grants, overtakes] = [0, 0]
  const startedAtMs = performance.now()
  const untilMs = startedAtMs + forMs
  const work = async (acquire: Acquire): Promise<void> => {
    let isFirst = true
    while (performance.now() < untilMs) {
      const own = { sinceMs: performance.now() }
      waiting.add(own)
      const release = await acquire()
      const nowMs = performance.now()
      waiting.delete(own)
      const roomSinceMs = releasedAtMs.shift()
      // After that the queue only empties.
      if (nowMs < untilMs) {
        grants += 1
        if (roomSinceMs !== undefined) tookMs.push(nowMs - roomSinceMs)
        const [longest] = waiting
        // At the start all come at once, in whatever order their requests arrive.
        if (!isFirst && longest !== undefined && longest.sinceMs < own.sinceMs - earlierMs) overtakes += 1
      }
      isFirst = false
      await new Promise(setImmediate)
      releasedAtMs.push(performance.now())
      await release()
    }
  }
  await Promise.all(acquires.map(work))
  return {
    'grants/s': (grants / forMs) * 1_000,
    'release → grant p50 ms': tookMs.length === 0 ? NaN : median(tookMs),
    'p99 ms': tookMs.length === 0 ? NaN : quantile(tookMs, 0.99),
    'overtaken %': grants === 0 ? NaN : (overtakes / grants) * 100,
  }
}
