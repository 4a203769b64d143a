import { randomUUID } from 'node:crypto'
import { createEngine, createRedisStore } from '@signalbox/engine'
import { buildApp } from '@signalbox/semaphore-service'
import { startReplicated, startTcpProxy } from '@signalbox/test-redis'
import { Redis } from 'ioredis'

export interface FailoverOptions {
  readonly failovers: number
  /** As SIGNALBOX_WAIT_REPLICAS. */
  readonly waitReplicas: number
  /** One way, between the primary and its Redis replica: on one machine alone hardly anything would be under way when it dies. */
  readonly linkMs: number
}

export interface FailoverFigures {
  /** Leases that were reported as held. */
  readonly granted: number
  /** Those of them that were held when the primary died. */
  readonly held: number
  /** And those that the Redis replica did not have when it was promoted. */
  readonly lost: number
}

const callers = 20
const keyPrefix = 'failovers:'
const names = ['roomy', 'narrow'] as const
type Name = (typeof names)[number]
/** In the narrow one callers wait for each other: its grants are heard of by notices. */
const limits: Record<Name, number> = { roomy: 1_000, narrow: 3 }

/** Kills a primary in traffic, again and again, and counts the leases that somebody was told of and that its Redis replica does not have. */
export async function runFailovers({ failovers, ...options }: FailoverOptions): Promise<FailoverFigures> {
  const sum = { granted: 0, held: 0, lost: 0 }
  for (let failover = 0; failover < failovers; failover += 1) {
    const { granted, held, lost } = await runFailover(options)
    sum.granted += granted
    sum.held += held
    sum.lost += lost
  }
  return sum
}

async function runFailover({ waitReplicas, linkMs }: Omit<FailoverOptions, 'failovers'>): Promise<FailoverFigures> {
  const { primary, link, replica, stop } = await startReplicated()
  const proxy = await startTcpProxy(primary)
  const store = createRedisStore({
    url: `redis://${proxy.host}:${String(proxy.port)}`,
    keyPrefix,
    waitReplicas,
    waitTimeoutMs: 1_000,
  })
  const engine = createEngine({ store })
  const app = buildApp({ engine })
  try {
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    link.delayMs = linkMs
    const traffic = startTraffic(url)
    await traffic.isUnderWay
    await pass(50 + Math.random() * 200)
    traffic.keepAll()
    await primary.kill()
    await proxy.refuse()
    link.cut()
    engine.stop()
    await traffic.isOver
    const promoted = new Redis(replica.url)
    await promoted.replicaof('NO', 'ONE')
    const kept = await Promise.all(names.map((name) => promoted.zrange(`${keyPrefix}{${name}}:deadlines`, 0, '-1')))
    promoted.disconnect()
    const ids = new Set(kept.flat())
    const held = [...traffic.held]
    return { granted: traffic.granted(), held: held.length, lost: held.filter((id) => !ids.has(id)).length }
  } finally {
    await app.close()
    await engine.close()
    await store.close()
    await proxy.close()
    await stop()
  }
}

const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

function startTraffic(url: string) {
  const held = new Set<string>()
  let granted = 0
  let keepsAll = false
  let begin = (): void => undefined
  const isUnderWay = new Promise<void>((resolve) => {
    begin = resolve
  })
  async function post(name: Name, call: string, body: unknown): Promise<number> {
    const response = await fetch(`${url}/v1/semaphores/${name}/${call}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }).catch(() => null)
    await response?.arrayBuffer()
    return response?.status ?? 0
  }
  async function acquireAndRelease(name: Name): Promise<void> {
    const leaseId = randomUUID()
    const create = { limit: limits[name] }
    if ((await post(name, 'acquire', { leaseId, ttlMs: 600_000, waitMs: 5_000, create })) !== 200) return
    held.add(leaseId)
    granted += 1
    if (granted > 100) begin()
    await pass(Math.random() * 50)
    if (keepsAll) return
    // From here on it may be released, whether or not the reply comes.
    held.delete(leaseId)
    await post(name, 'release', { leaseId })
  }
  const calls = Array.from({ length: callers }, async (_, caller) => {
    while (!keepsAll) await acquireAndRelease(names[caller % names.length] ?? 'roomy')
  })
  return {
    held,
    isUnderWay,
    isOver: Promise.all(calls),
    granted: () => granted,
    /** Nothing is begun and nothing is given back from now on; what was begun may still be granted. */
    keepAll(): void {
      keepsAll = true
    },
  }
}
