import { StoreUnavailableError, type Engine, type SemaphoreState } from '@signalbox/engine'
import { Counter, Gauge, Registry } from 'prom-client'
import { firstStates } from './first-states.js'

/** Counting on beyond this would make a scrape cost more than it tells. */
const omittedMax = 10_000
const pageSize = 1_000
/** Room for as many as may be named and counted. In a Redis that is full of other programs' keys pages are empty, and this is what ends the search. */
const pagesMax = 20

/** Of which semaphores there are to be gauges. */
export interface ScrapeScope {
  readonly prefix: string
  readonly semaphoresMax: number
  /** Whether nobody is there any more to read it: then the search ends. */
  readonly isGone?: () => boolean
}

/**
 * Gauges of single semaphores, asked of the store at the scrape: they show the very set that decides grants. A registry of its own for
 * each scrape, because two at once may see different names. A store that is down costs these gauges and nothing else.
 */
export async function semaphoreGauges(engine: Engine, scope: ScrapeScope): Promise<string> {
  const registry = new Registry()
  const registers = [registry]
  const up = new Gauge({ name: 'signalbox_store_up', help: 'Whether the store answered this scrape', registers })
  const show = gaugesOfOne(registers)
  const omitted = new Gauge({
    name: 'signalbox_semaphores_omitted',
    help: `Semaphores that have no gauges here because there are too many (counted up to ${omittedMax})`,
    registers,
  })
  const allSeen = new Gauge({
    name: 'signalbox_semaphores_all_seen',
    help: `Whether this scrape looked at all semaphores; if not, some are neither shown nor counted as omitted (it ends after ${pagesMax} pages)`,
    registers,
  })
  try {
    const { shown, left, isAll } = await firstStates(engine, { ...scope, leftMax: omittedMax, pageSize, pagesMax })
    up.set(1)
    omitted.set(Math.min(left, omittedMax))
    allSeen.set(Number(isAll && left <= omittedMax))
    for (const state of shown) show(state)
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error
    up.set(0)
  }
  return registry.metrics()
}

function gaugesOfOne(registers: Registry[]): (state: SemaphoreState) => void {
  const labelNames = ['semaphore'] as const
  const limit = new Gauge({
    name: 'signalbox_semaphore_limit',
    help: 'Permits that may be held at once',
    labelNames,
    registers,
  })
  const used = new Gauge({ name: 'signalbox_semaphore_permits_used', help: 'Permits held now', labelNames, registers })
  const waiters = new Gauge({
    name: 'signalbox_semaphore_waiters',
    help: 'Acquires queued now, at all replicas',
    labelNames,
    registers,
  })
  const oldestWait = new Gauge({
    name: 'signalbox_semaphore_oldest_wait_seconds',
    help: 'How long the first in the queue has waited',
    labelNames,
    registers,
  })
  const grants = new Counter({
    name: 'signalbox_semaphore_grants_total',
    help: 'Leases granted since the semaphore was created, by all replicas',
    labelNames,
    registers,
  })
  return (state) => {
    const labels = { semaphore: state.name }
    limit.set(labels, state.limit)
    used.set(labels, state.used)
    waiters.set(labels, state.waiting)
    oldestWait.set(labels, state.oldestWaitMs / 1_000)
    grants.inc(labels, state.grants)
  }
}
