import { randomUUID } from 'node:crypto'
import type { Contestant } from '../contestants/contestant.js'
import { engineAcquire, untilWaiting } from '../contestants/engine.js'
import type { Cell } from '../figures.js'
import { inFlight } from '../in-flight.js'
import { memoryOf } from '../redis-load.js'
import type { Stage } from '../stage.js'
import { sampleOf } from '../statistics.js'
import type { Scenario } from './scenario.js'

export const memory: Scenario = {
  name: 'memory',
  title: 'Memory: bytes in Redis',
  charted: 'bytes each',
  run: async (stage) => {
    const { engine, redisSemaphore, redlock, bottleneck } = stage.contestants
    const sizes = { leases: stage.size(50_000, 2_000), waiters: stage.size(10_000, 500), peers: stage.size(5_000, 500) }
    const perLease = await leaseBytes(stage, engine, sizes.leases)
    const cell = (what: string, who: string, bytes: number): Cell => {
      return { at: what, who, metric: 'bytes each', sample: sampleOf([bytes]) }
    }
    const cells = [
      cell('lease', engine.name, perLease),
      cell('waiter', engine.name, await waiterBytes(stage, sizes.waiters)),
      cell('idle semaphore', engine.name, await semaphoreBytes(stage, sizes.leases)),
    ]
    for (const peer of [redisSemaphore, redlock, bottleneck]) {
      cells.push(cell('lease', peer.name, await leaseBytes(stage, peer, sizes.peers)))
    }
    return {
      figures: [{ id: 'bytes_per_lease', sample: sampleOf([perLease]) }],
      cells,
      notes: [
        `Growth of used_memory by ${sizes.leases} leases of one semaphore (peers: ${sizes.peers}), ${sizes.waiters} waiters, ${sizes.leases} configured semaphores; no holder's name is given.`,
        'Peers keep nothing in Redis of who waits; redlock nothing of an idle lock; redis-semaphore nothing of an idle semaphore.',
        'etcd is left blank: it keeps all revisions until they are compacted.',
      ],
    }
  },
}

async function grownBy(stage: Stage, count: number, work: () => Promise<unknown>): Promise<number> {
  const before = await memoryOf(stage.redis)
  await work()
  return ((await memoryOf(stage.redis)) - before) / count
}

async function leaseBytes(stage: Stage, contestant: Contestant, count: number): Promise<number> {
  const crowd = await contestant.open({ semaphore: stage.newName(), limit: count, callers: count })
  const releases: (() => Promise<unknown>)[] = []
  const bytes = await grownBy(stage, count, () =>
    inFlight(count, 256, async (index) => {
      const release = await crowd.acquires[index]?.()
      if (release !== undefined) releases.push(release)
    }),
  )
  await inFlight(count, 256, async (index) => releases[index]?.())
  await crowd.close()
  return bytes
}

async function waiterBytes(stage: Stage, count: number): Promise<number> {
  const { engine } = stage
  const semaphore = stage.newName()
  await engine.configure({ semaphore, limit: 1, bounded: true })
  await engineAcquire(engine, semaphore)
  const waiting: Promise<unknown>[] = []
  const bytes = await grownBy(stage, count, async () => {
    while (waiting.length < count) waiting.push(engineAcquire(engine, semaphore))
    await untilWaiting(engine, semaphore, count)
  })
  const gone = Promise.allSettled(waiting)
  await engine.remove({ semaphore, force: true })
  await gone
  return bytes
}

async function semaphoreBytes(stage: Stage, count: number): Promise<number> {
  const prefix = randomUUID().slice(0, 8)
  const bytes = await grownBy(stage, count, () =>
    inFlight(count, 256, (index) =>
      stage.engine.configure({ semaphore: `${prefix}.${index}`, limit: 1, bounded: true }),
    ),
  )
  await inFlight(count, 256, (index) => stage.engine.remove({ semaphore: `${prefix}.${index}`, force: true }))
  return bytes
}
