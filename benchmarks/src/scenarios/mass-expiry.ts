import { randomUUID } from 'node:crypto'
import { engineAcquire } from '../contestants/engine.js'
import { inFlight } from '../in-flight.js'
import type { Stage } from '../stage.js'
import { sampleOf } from '../statistics.js'
import { cellsOf } from './scenario.js'
import type { Scenario } from './scenario.js'

const metrics = ['slowest call ms', 'beside it ms', 'all permits back after ms'] as const
const atOnce = 1_000
type Round = Record<(typeof metrics)[number], number>

export const massExpiry: Scenario = {
  name: 'mass-expiry',
  title: 'Mass expiry: all leases of a semaphore end in the same moment',
  charted: 'slowest call ms',
  run: async (stage) => {
    const leases = stage.size(20_000, 1_000)
    const rounds: Round[] = []
    // However slow the machine: all must be there before they end.
    const endAfterMs = 1_000 + 3 * (await timeToFill(stage, leases))
    for (let round = 0; round < stage.size(5, 1); round += 1) rounds.push(await expire(stage, leases, endAfterMs))
    return {
      figures: [{ id: 'mass_expiry_max_ms', sample: sampleOf(rounds.map((round) => round['slowest call ms'])) }],
      cells: cellsOf(`${leases.toLocaleString('en')} leases`, 'Signalbox, in process', rounds, metrics),
      notes: [
        'slowest call: acquire + release, one after another, on that very semaphore (refused while it is full) or another one, whichever was slower; beside it: on the other one.',
        'all permits back: from the deadline until one who waits for all of them has them.',
        'Peers are left blank: redlock and Bottleneck have nothing to do at an expiry, redis-semaphore and etcd were not tried.',
      ],
    }
  },
}

async function timeToFill({ engine, newName }: Stage, leases: number): Promise<number> {
  const semaphore = newName()
  await engine.configure({ semaphore, limit: leases, bounded: true })
  const startedAtMs = performance.now()
  await inFlight(leases, atOnce, () => engineAcquire(engine, semaphore))
  const tookMs = performance.now() - startedAtMs
  await engine.remove({ semaphore, force: true })
  return tookMs
}

async function expire(stage: Stage, leases: number, endAfterMs: number): Promise<Round> {
  const { engine } = stage
  const [semaphore, other] = [stage.newName(), stage.newName()]
  await engine.configure({ semaphore, limit: leases, bounded: true })
  await engine.configure({ semaphore: other, limit: 1, bounded: true })
  const endAtMs = performance.now() + endAfterMs
  await inFlight(leases, atOnce, () => engineAcquire(engine, semaphore, Math.ceil(endAtMs - performance.now())))
  const all = {
    semaphore,
    leaseId: randomUUID(),
    permits: leases,
    ttlMs: 60_000,
    waitMs: 20_000,
    holder: '',
    create: null,
  }
  const attempt = engine.acquire(all)
  let backAfterMs = NaN
  const back = attempt.outcome.then(({ kind }) => {
    if (kind !== 'granted') throw new Error(`Not granted: ${kind}`)
    backAfterMs = performance.now() - endAtMs
    attempt.delivered()
  })
  const slowest = { here: 0, beside: 0 }
  const untilMs = endAtMs + 500
  const watch = async (key: keyof typeof slowest, name: string): Promise<void> => {
    while (performance.now() < untilMs || Number.isNaN(backAfterMs)) {
      const startedAtMs = performance.now()
      await tryOnce(stage, name)
      const tookMs = performance.now() - startedAtMs
      if (startedAtMs > endAtMs - 200) slowest[key] = Math.max(slowest[key], tookMs)
    }
  }
  await Promise.all([back, watch('here', semaphore), watch('beside', other)])
  await engine.remove({ semaphore, force: true })
  await engine.remove({ semaphore: other, force: true })
  return {
    'slowest call ms': Math.max(slowest.here, slowest.beside),
    'beside it ms': slowest.beside,
    'all permits back after ms': backAfterMs,
  }
}

async function tryOnce({ engine }: Stage, semaphore: string): Promise<void> {
  const leaseId = randomUUID()
  const attempt = engine.acquire({ semaphore, leaseId, permits: 1, ttlMs: 60_000, waitMs: 0, holder: '', create: null })
  if ((await attempt.outcome).kind !== 'granted') return
  attempt.delivered()
  await engine.release({ semaphore, leaseId, retire: false })
}
