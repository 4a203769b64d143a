import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { SignalboxClient } from '@signalbox/client'
import type { Engine } from '@signalbox/engine'
import { Redis } from 'ioredis'
import { Semaphore } from 'redis-semaphore'
import { contest } from '../contest.js'
import { figure } from '../figures.js'
import type { Row } from '../figures.js'
import { HttpConnection } from '../http-connection.js'
import { median, quantile, sampleOf } from '../statistics.js'

const handoffs = 150
const rounds = 3
const waitMs = 20_000

/** Begins to wait for the only permit; resolves once it has it, with what gives it back. */
type Acquire = () => Promise<() => Promise<unknown>>

interface Latency {
  readonly p50: number
  readonly p90: number
}

/** From a release to the moment the next in line has the permit. */
export async function handoff(engine: Engine, serviceUrl: string, redisUrl: string): Promise<Row[]> {
  const redis = new Redis(redisUrl)
  const connections = [await HttpConnection.open(serviceUrl), await HttpConnection.open(serviceUrl)]
  const client = new SignalboxClient({ url: serviceUrl })
  const sdk = client.semaphore('handoff-sdk', 1)
  const peers = [new Semaphore(redis, 'peer-handoff', 1), new Semaphore(redis, 'peer-handoff', 1)]
  const sdkAcquire = async (): Promise<() => Promise<unknown>> => {
    const lease = await sdk.acquire({ waitMs })
    return () => lease.release()
  }
  const contestants = [
    { name: 'engine', acquires: [engineAcquire(engine), engineAcquire(engine)] },
    { name: 'http', acquires: connections.map(httpAcquire) },
    { name: 'sdk', acquires: [sdkAcquire, sdkAcquire] },
    { name: 'redis-semaphore', acquires: peers.map(peerAcquire) },
  ]
  const results = await contest(
    contestants.map(({ name, acquires }) => ({ name, round: () => measure(acquires) })),
    rounds,
  )
  for (const connection of connections) connection.close()
  await client.close()
  redis.disconnect()
  const row = (what: string, who: string, name: string, pick: (latency: Latency) => number): Row => {
    const sample = sampleOf((results.get(name) ?? []).map(pick))
    return { id: null, what, who, unit: 'ms', sample }
  }
  return [
    figure('handoff_engine_p50_ms', row('', '', 'engine', ({ p50 }) => p50).sample),
    row('release to next grant, in process, p90', 'Signalbox', 'engine', ({ p90 }) => p90),
    row('release to next grant, in process, p50', 'redis-semaphore', 'redis-semaphore', ({ p50 }) => p50),
    row('release to next grant, in process, p90', 'redis-semaphore', 'redis-semaphore', ({ p90 }) => p90),
    figure('handoff_http_p50_ms', row('', '', 'http', ({ p50 }) => p50).sample),
    row('release to next grant, HTTP, p90', 'Signalbox', 'http', ({ p90 }) => p90),
    figure('handoff_sdk_p50_ms', row('', '', 'sdk', ({ p50 }) => p50).sample),
    row('release to next grant, SDK, p90', 'Signalbox', 'sdk', ({ p90 }) => p90),
  ]
}

function engineAcquire(engine: Engine): Acquire {
  return async () => {
    const call = { semaphore: 'handoff', leaseId: randomUUID() }
    const create = { limit: 1, bounded: true, onConflict: 'keep' } as const
    const attempt = engine.acquire({ ...call, permits: 1, ttlMs: 30_000, waitMs, holder: '', create })
    const outcome = await attempt.outcome
    if (outcome.kind !== 'granted') throw new Error(`Not granted: ${outcome.kind}`)
    attempt.delivered()
    return () => engine.release({ ...call, retire: false })
  }
}

function httpAcquire(connection: HttpConnection): Acquire {
  return async () => {
    const leaseId = randomUUID()
    const body = { leaseId, waitMs, create: { limit: 1 } }
    await connection.expect200('POST', '/v1/semaphores/handoff-http/acquire', body)
    return () => connection.expect200('POST', '/v1/semaphores/handoff-http/release', { leaseId })
  }
}

function peerAcquire(semaphore: Semaphore): Acquire {
  return async () => {
    await semaphore.acquire()
    return () => semaphore.release()
  }
}

/** Two take turns: while one holds, the other waits. */
async function measure(acquires: readonly Acquire[]): Promise<Latency> {
  const tookMs: number[] = []
  const acquire = (turn: number): Promise<() => Promise<unknown>> => {
    const chosen = acquires[turn % acquires.length]
    if (chosen === undefined) throw new Error('Nobody to hand over to.')
    return chosen()
  }
  let release = await acquire(0)
  for (let turn = 1; turn <= handoffs; turn += 1) {
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
  return { p50: median(tookMs), p90: quantile(tookMs, 0.9) }
}
