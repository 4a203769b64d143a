import { setTimeout as sleep } from 'node:timers/promises'
import { bottleneckContestant } from '../contestants/bottleneck.js'
import type { Contestant } from '../contestants/contestant.js'
import { openConnections } from '../contestants/http.js'
import { redisSemaphoreContestant } from '../contestants/redis-semaphore.js'
import { redlockContestant } from '../contestants/redlock.js'
import type { Cell, Figure } from '../figures.js'
import { withOwnService } from '../own-service.js'
import type { OwnService } from '../own-service.js'
import { processLoad } from '../process-load.js'
import { memoryOf, redisLoadOf } from '../redis-load.js'
import type { Stage } from '../stage.js'
import { sampleOf } from '../statistics.js'
import { cellsOf } from './scenario.js'
import type { Scenario } from './scenario.js'

const metrics = [
  'commands sent/s',
  'with those in scripts/s',
  'Redis CPU %',
  'service CPU %',
  'Redis bytes/waiter',
  'service bytes/waiter',
] as const
type Metric = (typeof metrics)[number]

export const idle: Scenario = {
  name: 'idle',
  title: 'Idle: one semaphore, all wait, and nothing happens',
  charted: 'commands sent/s',
  run: async (stage) => {
    const cells: Cell[] = []
    const figures: Figure[] = []
    for (const full of [100, 1_000, 10_000]) {
      const waiters = full / stage.size(1, 10)
      const isFigure = full === 1_000
      const rounds: Record<Metric, number>[] = []
      while (rounds.length < (isFigure ? stage.size(3, 1) : 1)) {
        rounds.push(await withOwnService((service) => overHttp(service, waiters, stage.size(9_000, 3_000))))
      }
      cells.push(...cellsOf(`${waiters} waiters`, 'Signalbox, HTTP', rounds, metrics))
      const sample = sampleOf(rounds.map((round) => round['commands sent/s']))
      if (isFigure) figures.push({ id: 'idle_commands_per_s', sample })
    }
    cells.push(...(await peerCells(stage)))
    return {
      figures,
      cells,
      notes: [
        'Each row has a Redis and a service of its own. Memory of the service with its open connections.',
        'redis-semaphore and redlock poll: 10,000 would ask for more than Redis can do, so that is left blank for peers.',
        "Bottleneck's waiters are known to their own process alone; what it sends is its heartbeat.",
        'Peers keep nothing of a waiter in Redis, and have no service. etcd is left blank: it is not Redis.',
      ],
    }
  },
}

async function overHttp(service: OwnService, waiters: number, windowMs: number): Promise<Record<Metric, number>> {
  const path = '/v1/semaphores/idle'
  const connections = await openConnections(service.url, waiters + 1)
  try {
    const [holder, ...waiting] = connections
    await holder?.expect200('PUT', path, { limit: 1 })
    await holder?.expect200('POST', `${path}/acquire`, { ttlMs: 600_000 })
    const before = await memories(service)
    const body = JSON.stringify({ waitMs: 25_000 })
    const answers = waiting.map((connection) => connection.send('POST', `${path}/acquire`, body))
    const early = Promise.race(answers).then(({ status }) => {
      throw new Error(`One that should wait was answered: ${status}`)
    })
    await Promise.race([untilQueued(service.url + path, waiters), early])
    const after = await memories(service)
    const load = await Promise.race([watch(service, windowMs), early])
    return {
      ...load,
      'Redis bytes/waiter': (after.redis - before.redis) / waiters,
      'service bytes/waiter': (after.service - before.service) / waiters,
    }
  } finally {
    for (const connection of connections) connection.close()
  }
}

async function memories({ redis, pid }: OwnService): Promise<{ redis: number; service: number }> {
  return { redis: await memoryOf(redis), service: processLoad(pid).memoryBytes }
}

async function untilQueued(url: string, waiters: number): Promise<void> {
  const untilMs = performance.now() + 20_000
  while (performance.now() < untilMs) {
    const { waiting } = (await (await fetch(url)).json()) as { waiting: number }
    if (waiting === waiters) return
    await sleep(100)
  }
  throw new Error(`There were never ${waiters} waiters.`)
}

async function peerCells(stage: Stage): Promise<Cell[]> {
  const cells: Cell[] = []
  for (const waiters of [100, 1_000].map((full) => full / stage.size(1, 10))) {
    for (const contestant of [redisSemaphoreContestant, redlockContestant, bottleneckContestant]) {
      const round = await withOwnService(async (service) => {
        const peer = contestant(service.redisUrl)
        return { name: peer.name, load: await peerLoad(service, peer, waiters, stage.size(6_000, 1_000)) }
      })
      cells.push(...cellsOf(`${waiters} waiters`, round.name, [round.load], peerMetrics))
    }
  }
  return cells
}

const peerMetrics = ['commands sent/s', 'with those in scripts/s', 'Redis CPU %'] as const

async function peerLoad(service: OwnService, peer: Contestant, waiters: number, windowMs: number) {
  const crowd = await peer.open({ semaphore: 'idle', limit: 1, callers: waiters + 1 })
  const [first, ...others] = crowd.acquires
  const release = await first?.()
  const waiting = others.map(async (acquire) => (await acquire())())
  await sleep(500)
  const load = await watch(service, windowMs)
  await release?.()
  await Promise.all(waiting)
  await crowd.close()
  return load
}

async function watch({ redis, pid }: OwnService, windowMs: number) {
  const serviceBeforeUs = processLoad(pid).cpuUs
  const { seconds, sent, commands, cpuUs } = await redisLoadOf(redis, () => sleep(windowMs))
  return {
    'commands sent/s': sent / seconds,
    'with those in scripts/s': commands / seconds,
    'Redis CPU %': cpuUs / seconds / 10_000,
    'service CPU %': (processLoad(pid).cpuUs - serviceBeforeUs) / seconds / 10_000,
  }
}
