import { monitorEventLoopDelay } from 'node:perf_hooks'
import { storeWarningKinds, type Engine, type EngineObserver, type StoreWarning } from '@signalbox/engine'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Excess } from './load.js'
import { semaphoreGauges, type ScrapeScope } from './semaphore-gauges.js'

/** What there may be too much of. */
type Shed = Excess | 'waiters' | 'event_streams'

export interface Metrics {
  /** For the engine and the store: they tell it what happens. */
  readonly observer: EngineObserver
  /** The store lost its data. */
  storeLost(): void
  /** What is wrong with the store's servers now, as far as they could be asked. */
  readonly storeWarned: (warnings: readonly StoreWarning[]) => void
  /** What a route calls with each answer's status and duration. */
  requestsOf(method: string, path: string): (status: number, durationMs: number) => void
  /** One request was turned away because there is too much of this. */
  readonly shed: (excess: Shed) => void
  /** So many live streams are open now. */
  readonly streaming: (streams: number) => void
  /** The Prometheus text. Of the semaphores it names only those whose name begins with the prefix. */
  render(engine: Engine, scope: ScrapeScope): Promise<string>
  readonly contentType: string
  close(): void
}

const seconds = (ms: number) => ms / 1000
const waitBuckets = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 25, 60, 300]
const holdBuckets = [0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800, 7_200, 86_400]
const callBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5]
const requestBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5, 10, 25, 30]

/** Labels are bounded everywhere: codes, operations and routes come from tables, never from a caller. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const observer = engineObserver(registers)
  const requests = new Histogram({
    name: 'signalbox_http_request_seconds',
    help: 'From the arrival of a request to its answer; acquires that wait are as long as their wait',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: requestBuckets,
    registers,
  })
  const losses = new Counter({
    name: 'signalbox_store_losses_total',
    help: 'Losses of data of the store that this replica found',
    registers,
  })
  const storeWarned = storeWarningsGauge(registers)
  const setNow = gaugesOfNow(registers)
  const shed = shedCounter(registers)
  const streams = new Gauge({
    name: 'signalbox_event_streams',
    help: 'Live streams (/v1/events) that are open at this replica',
    registers,
  })
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  new Gauge({
    name: 'signalbox_event_loop_delay_seconds',
    help: 'How late timers fire beyond the 10 ms they are set for, since the scrape before: what makes leases look lost',
    labelNames: ['quantile'] as const,
    registers,
    collect() {
      // The histogram holds whole intervals, 10 ms when nothing is late.
      const late = (ns: number) => Math.max(0, ns / 1e9 - 0.01)
      this.set({ quantile: '0.5' }, late(delay.percentile(50)))
      this.set({ quantile: '0.99' }, late(delay.percentile(99)))
      this.set({ quantile: '1' }, late(delay.max))
      delay.reset()
    },
  })

  return {
    observer,
    storeLost: () => losses.inc(),
    storeWarned,
    requestsOf(method, route) {
      // Looked up once for each status, not for each request.
      const byStatus = new Map<number, Histogram.Internal<'method' | 'route' | 'status'>>()
      return (status, durationMs) => {
        const known = byStatus.get(status) ?? requests.labels({ method, route, status })
        byStatus.set(status, known)
        known.observe(seconds(durationMs))
      }
    },
    shed: (excess) => shed.inc({ excess }),
    streaming: (count) => streams.set(count),
    async render(engine, scope) {
      setNow(engine)
      const own = await registry.metrics()
      return own + (await semaphoreGauges(engine, scope))
    },
    contentType: registry.contentType,
    close: () => delay.disable(),
  }
}

function storeWarningsGauge(registers: Registry[]): Metrics['storeWarned'] {
  const gauge = new Gauge({
    name: 'signalbox_store_warnings',
    help: 'Servers of the store that are set up to forget leases, by how; missing until they could be asked',
    labelNames: ['kind'] as const,
    registers,
  })
  return (warnings) => {
    for (const kind of storeWarningKinds) gauge.set({ kind }, warnings.filter((each) => each.kind === kind).length)
  }
}

function gaugesOfNow(registers: Registry[]): (engine: Engine) => void {
  const openWaits = new Gauge({
    name: 'signalbox_open_waits',
    help: 'Acquires that wait at this replica now',
    registers,
  })
  const storeCalls = new Gauge({
    name: 'signalbox_store_calls',
    help: 'Calls of the store that are not answered yet',
    registers,
  })
  const guard = new Gauge({
    name: 'signalbox_store_guard_seconds',
    help: 'How long nothing is granted yet because the store lost its data; 0: it has not',
    registers,
  })
  return (engine) => {
    openWaits.set(engine.waiting)
    guard.set(seconds(engine.guardMs()))
    storeCalls.set(engine.storeCalls)
  }
}

function shedCounter(registers: Registry[]): Counter<'excess'> {
  const shed = new Counter({
    name: 'signalbox_requests_shed_total',
    help: 'Requests turned away with OVERLOADED, by what there was too much of',
    labelNames: ['excess'] as const,
    registers,
  })
  // A series that appears with its first event has no rate for it.
  const all: readonly Shed[] = ['waiters', 'store_calls', 'event_loop_delay', 'event_streams']
  for (const excess of all) shed.inc({ excess }, 0)
  return shed
}

function engineObserver(registers: Registry[]): EngineObserver {
  const grants = new Counter({
    name: 'signalbox_grants_total',
    help: 'Leases granted to callers of this replica',
    registers,
  })
  const wait = new Histogram({
    name: 'signalbox_wait_seconds',
    help: 'How long granted acquires had waited',
    buckets: waitBuckets,
    registers,
  })
  const refusals = new Counter({
    name: 'signalbox_refusals_total',
    help: 'Acquires that ended without a lease, by how',
    labelNames: ['kind'] as const,
    registers,
  })
  const hold = new Histogram({
    name: 'signalbox_hold_seconds',
    help: 'How long released leases had been held',
    buckets: holdBuckets,
    registers,
  })
  const expired = new Counter({
    name: 'signalbox_leases_expired_total',
    help: 'Leases that ended by their deadline: their holders were lost, or too slow',
    registers,
  })
  const calls = new Histogram({
    name: 'signalbox_store_call_seconds',
    help: 'Calls of the store, by operation and whether they were answered',
    labelNames: ['operation', 'ok'] as const,
    buckets: callBuckets,
    registers,
  })
  return {
    granted({ waitedMs }) {
      grants.inc()
      wait.observe(seconds(waitedMs))
    },
    refused: ({ kind }) => refusals.inc({ kind }),
    released: ({ heldMs }) => hold.observe(seconds(heldMs)),
    expired: ({ leases }) => expired.inc(leases),
    called: ({ operation, durationMs, ok }) => calls.observe({ operation, ok: String(ok) }, seconds(durationMs)),
  }
}
