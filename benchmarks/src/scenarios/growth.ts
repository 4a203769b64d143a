import { randomUUID } from 'node:crypto'
import type { Engine } from '@signalbox/engine'
import { engineAcquire, untilWaiting } from '../contestants/engine.js'
import { inFlight } from '../in-flight.js'
import { redisLoadOf } from '../redis-load.js'
import type { Stage } from '../stage.js'
import { median, sampleOf } from '../statistics.js'
import { cellsOf } from './scenario.js'
import type { Scenario } from './scenario.js'

const metrics = ['Redis µs/operation', 'wall µs/operation'] as const
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
  run: async (stage) => {
    const results = []
    for (const crowd of [leases(stage), waiters(stage), semaphores(stage)])
      results.push(await measure(stage, await crowd))
    // The marker watch and the heartbeats run beside: medians of short windows do not see them.
    const ratios = results.slice(0, 2).flatMap(({ ratio }) => ratio)
    return {
      figures: [{ id: 'growth_ratio', sample: { ...sampleOf(ratios), median: Math.max(...ratios) } }],
      cells: results.flatMap(({ cells }) => cells),
      notes: [
        'In process, one operation at a time. Redis µs: inside the scripts alone, where growth would show; the figure is of these, the worse of leases and waiters.',
        'leases: acquire + release beside them. waiters: a release that grants the head, and an acquire that joins the tail. semaphores: acquire + release, on any of them.',
        'Peers are left blank: what they keep of a waiter or an unused semaphore is nothing, or the queue of one process.',
      ],
    }
  },
}

async function measure(stage: Stage, crowd: Crowding) {
  const costs: { at: number; rounds: Round[] }[] = []
  for (const size of crowd.sizes) {
    await crowd.grow(size)
    const rounds: Round[] = []
    // The first warms up.
    for (let round = 0; round <= stage.size(7, 3); round += 1) {
      const pairs = stage.size(400, 50)
      const load = await redisLoadOf(stage.redis, async () => {
        for (let done = 0; done < pairs; done += 1) await crowd.pair()
      })
      if (round > 0) {
        const operations = 2 * pairs
        rounds.push({ [metrics[0]]: load.scriptsUs / operations, [metrics[1]]: (load.seconds * 1e6) / operations })
      }
    }
    costs.push({ at: size, rounds })
  }
  await crowd.end()
  const costOf = (rounds: readonly Round[] = []): number => median(rounds.map((round) => round['Redis µs/operation']))
  return {
    ratio: costOf(costs.at(-1)?.rounds) / costOf(costs[0]?.rounds),
    cells: costs.flatMap(({ at, rounds }) =>
      cellsOf(`${at.toLocaleString('en')} ${crowd.what}`, 'Signalbox, in process', rounds, metrics),
    ),
  }
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
    sizes: [1, size(1_000, 100), size(100_000, 1_000)],
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
    sizes: [1, size(1_000, 100), size(9_999, 500)],
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
    sizes: [1, size(1_000, 100), size(100_000, 1_000)],
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
