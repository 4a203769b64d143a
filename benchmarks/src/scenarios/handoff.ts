import { setTimeout as sleep } from 'node:timers/promises'
import { contest } from '../contest.js'
import type { Acquire, Contestant, Release } from '../contestants/contestant.js'
import type { FigureId } from '../figures.js'
import { withoutEtcd } from '../stage.js'
import { median, quantile, sampleOf } from '../statistics.js'
import { cellsOf } from './scenario.js'
import type { Scenario } from './scenario.js'

const metrics = ['p50 ms', 'p99 ms'] as const
/** Some pollers are slow. */
const roundMsMax = 4_000
type Round = Record<(typeof metrics)[number], number>

export const handoff: Scenario = {
  name: 'handoff',
  title: 'Hand-over: from a release to the grant of the only one who waits',
  charted: 'p50 ms',
  run: async (stage) => {
    const { engine, http, sdk, redisSemaphore, redlock, bottleneck, etcd, noticeFloor } = stage.contestants
    const all = [engine, http, sdk, redisSemaphore, redlock, bottleneck, etcd, noticeFloor]
    const present = all.filter((one) => one !== null)
    const results = await contest(
      present.map((contestant) => ({
        name: contestant.name,
        round: async () => {
          const crowd = await contestant.open({ semaphore: stage.newName(), limit: 1, callers: 2 })
          const round = await handOver(crowd.acquires, stage.size(150, 10))
          await crowd.close()
          return round
        },
      })),
      stage.size(3, 1),
    )
    const figure = (id: FigureId, { name }: Contestant) => {
      return { id, sample: sampleOf((results.get(name) ?? []).map((round) => round['p50 ms'])) }
    }
    return {
      figures: [
        figure('handoff_engine_p50_ms', engine),
        figure('handoff_http_p50_ms', http),
        figure('handoff_sdk_p50_ms', sdk),
      ],
      cells: [...results].flatMap(([who, rounds]) => cellsOf('limit 1, two in turn', who, rounds, metrics)),
      notes: [
        'Between two hand-overs is a pause of 5 to 15 ms in which nothing happens, for pollers have intervals: so every one finds processors and caches cold, the floor as well. Under load (see above) a grant follows its release sooner.',
        ...(etcd === null ? [withoutEtcd] : []),
      ],
    }
  },
}

/** Two take turns: while one holds, the other waits. */
async function handOver(acquires: readonly Acquire[], times: number): Promise<Round> {
  const tookMs: number[] = []
  const acquire = (turn: number): Promise<Release> => {
    const chosen = acquires[turn % acquires.length]
    if (chosen === undefined) throw new Error('Nobody to hand over to.')
    return chosen()
  }
  let release = await acquire(0)
  const untilMs = performance.now() + roundMsMax
  for (let turn = 1; turn <= times && performance.now() < untilMs; turn += 1) {
    const next = acquire(turn)
    // Long enough to be in the queue, and never in step with a poller's interval.
    await sleep(5 + Math.random() * 10)
    const releasedAtMs = performance.now()
    const released = release()
    release = await next
    tookMs.push(performance.now() - releasedAtMs)
    await released
  }
  await release()
  return { 'p50 ms': median(tookMs), 'p99 ms': quantile(tookMs, 0.99) }
}
