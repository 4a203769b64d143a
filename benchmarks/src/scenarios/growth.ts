import { randomUUID } from 'node:crypto'
import type { Engine } from '@signalbox/engine'
import { engineAcquire, untilWaiting } from '../contestants/engine.js'
import { contest } from '../contest.js'
import type { Cell } from '../figures.js'
import { inFlight } from '../in-flight.js'
import { redisLoadOf } from '../redis-load.js'
import type { Stage } from '../stage.js'
import { sampleOf } from '../statistics.js'
import type { Sample } from '../statistics.js'
import { cellsOf } from './scenario.js'
import type { Scenario } from './scenario.js'

const inRedis = 'Redis µs/operation'
const onTheWall = 'wall µs/operation'
const metrics = [inRedis, onTheWall] as const
type Round = Record<(typeof metrics)[number], number>

interface Crowding {
  readonly what: string
  readonly sizes: readonly number[]
  /** Makes it so many. */
  grow(to: number): Promise<void>
  /** Two operations. */
  pair(): Promise<unknown>
  end(): Promise<unknown>
}

export const growth: Scenario = {
  name: 'growth',
  title: 'Growth: what an operation costs beside many others',
  charted: 'Redis µs/operation',
  run: async (stage) => {
    const leasesGrown = await measure(stage, leases)
    const waitersGrown = await measure(stage, waiters)
    const semaphoresGrown = await measure(stage, semaphores)
    const [better, worse] = [leasesGrown.ratio, waitersGrown.ratio].toSorted((a, b) => a.median - b.median)
    return {
      figures: [{ id: 'growth_ratio', sample: worse ?? better ?? leasesGrown.ratio }],
      cells: [leasesGrown, waitersGrown, semaphoresGrown].flatMap(({ cells }) => cells),
      notes: [
        'In process, one operation at a time, in turns with a semaphore that has but one. Redis µs: inside the scripts alone, where growth would show; the figure is of these, the worse of leases and waiters.',
        'leases: acquire + release beside them. waiters: a release that grants the head, and an acquire that joins the tail. semaphores: acquire + release, on any of them.',
        'Peers are left blank: not measured. Their polling and renewing timers would run along and be counted.',
      ],
    }
  },
}

/** The ratio is of the last size to one. */
async function measure(
  stage: Stage,
  open: (stage: Stage) => Promise<Crowding>,
): Promise<{ ratio: Sample; cells: Cell[] }> {
  const [alone, crowd] = [await open(stage), await open(stage)]
  await alone.grow(1)
  const base: Round[] = []
  const cells: Cell[] = []
  let ratio = sampleOf([1])
  const cellsAt = (at: number, rounds: readonly Round[]): Cell[] => {
    return cellsOf(`${at.toLocaleString('en')} ${crowd.what}`, 'Signalbox, in process', rounds, metrics)
  }
  for (const size of crowd.sizes) {
    await crowd.grow(size)
    const results = await contest(
      [
        { name: 'alone', round: () => costOf(stage, alone) },
        { name: 'crowd', round: () => costOf(stage, crowd) },
      ],
      stage.size(9, 3),
    )
    const [before = [], after = []] = [results.get('alone'), results.get('crowd')]
    base.push(...before)
    cells.push(...cellsAt(size, after))
    ratio = sampleOf(after.map((round, index) => round[inRedis] / (before[index]?.[inRedis] ?? NaN)))
  }
  await crowd.end()
  await alone.end()
  return { ratio, cells: [...cellsAt(1, base), ...cells] }
}

async function costOf(stage: Stage, crowd: Crowding): Promise<Round> {
  const pairs = stage.size(400, 50)
  const { scriptsUs, seconds } = await redisLoadOf(stage.redis, async () => {
    for (let done = 0; done < pairs; done += 1) await crowd.pair()
  })
  const operations = 2 * pairs
  return { [inRedis]: scriptsUs / operations, [onTheWall]: (seconds * 1_000_000) / operations }
}

async function acquireAndRelease(engine: Engine, semaphore: string): Promise<void> {
  const release = await engineAcquire(engine, semaphore)
  await release()
}

async function leases({ engine, newName, size }: Stage): Promise<Crowding> {
  const semaphore = newName()
  await engine.configure({ semaphore, limit: 1_000_000, bounded: true })
  let held = 0
  return {
    what: 'leases',
    sizes: [size(1_000, 100), size(100_000, 1_000)],
    grow: async (to) => {
      await inFlight(to - held, 512, () => engineAcquire(engine, semaphore))
      held = to
    },
    pair: () => acquireAndRelease(engine, semaphore),
    end: () => engine.remove({ semaphore, force: true }),
  }
}

async function waiters({ engine, newName, size }: Stage): Promise<Crowding> {
  const semaphore = newName()
  await engine.configure({ semaphore, limit: 1, bounded: true })
  let holder = await engineAcquire(engine, semaphore)
  const queue: ReturnType<typeof engineAcquire>[] = []
  const join = (): void => void queue.push(engineAcquire(engine, semaphore))
  return {
    what: 'waiters',
    // One less than the queue's length: the one that joins comes before the head has left.
    sizes: [size(1_000, 100), size(9_999, 500)],
    grow: async (to) => {
      while (queue.length < to) join()
      await untilWaiting(engine, semaphore, to)
    },
    pair: async () => {
      join()
      const [next] = queue.splice(0, 1)
      await holder()
      if (next !== undefined) holder = await next
    },
    end: async () => {
      const gone = Promise.allSettled(queue)
      await engine.remove({ semaphore, force: true })
      await gone
    },
  }
}

async function semaphores({ engine, size }: Stage): Promise<Crowding> {
  const prefix = randomUUID()
  let made = 0
  return {
    what: 'semaphores',
    sizes: [size(1_000, 100), size(100_000, 1_000)],
    grow: async (to) => {
      const before = made
      await inFlight(to - before, 512, (index) => {
        return engine.configure({ semaphore: `${prefix}.${before + index}`, limit: 1, bounded: true })
      })
      made = to
    },
    pair: () => acquireAndRelease(engine, `${prefix}.${Math.floor(Math.random() * made)}`),
    end: () => inFlight(made, 512, (index) => engine.remove({ semaphore: `${prefix}.${index}`, force: true })),
  }
}
