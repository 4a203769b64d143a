import { randomUUID } from 'node:crypto'
import { createEngine, type AcquireRequest } from '@signalbox/engine'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { pass, startProgram, startReplica, startReplicas, type Replica } from './served.js'

const waitMs = 20_000

/** Until so many wait: how a test knows that an acquire has arrived. */
async function untilWaiting(service: Replica, semaphore: string, waiting: number): Promise<void> {
  await vi.waitFor(async () => {
    expect(await service.inspect(semaphore)).toMatchObject({ waiting })
  }, 10_000)
}

/** An acquire over HTTP that is known to be queued when this resolves. */
async function queueOne(
  service: Replica,
  semaphore: string,
  body: Readonly<Record<string, unknown>> = {},
): Promise<{ reply: ReturnType<Replica['post']>; leaseId: string }> {
  const { waiting } = await service.inspect(semaphore)
  const leaseId = randomUUID()
  const reply = service.post(semaphore, 'acquire', { leaseId, waitMs, ...body })
  await untilWaiting(service, semaphore, waiting + 1)
  return { reply, leaseId }
}

const hold = async (service: Replica, semaphore: string, limit: number, permits = limit): Promise<string> => {
  const { status, body } = await service.post(semaphore, 'acquire', { permits, create: { limit } })
  expect(status).toBe(200)
  return String(body['leaseId'])
}

describe('scoreboard: who is next', () => {
  it('T5: 30 waiters on two replicas are granted in the order of their arrival', async () => {
    const replicas = await startReplicas()
    const [service] = replicas
    let holding = await hold(service, 'order', 1)
    const queued = []
    for (let i = 0; i < 30; i += 1) queued.push(await queueOne(replicas[i % 2] ?? service, 'order'))
    const fences = []
    for (const { reply, leaseId } of queued) {
      await service.post('order', 'release', { leaseId: holding })
      const { status, body } = await reply
      expect(status).toBe(200)
      fences.push(Number(body['fence']))
      holding = leaseId
    }
    expect(fences).toEqual(fences.toSorted((a, b) => a - b))
  })

  it('T6: three of three are served after those ahead of them, however many single ones keep coming', async () => {
    const service = await startReplica()
    const first = await Promise.all([1, 2, 3].map(() => service.post('big', 'acquire', { create: { limit: 3 } })))
    const ahead = await queueOne(service, 'big')
    const big = await queueOne(service, 'big', { permits: 3 })
    const after = [await queueOne(service, 'big'), await queueOne(service, 'big')]
    // From here on the stream never ends: whoever is done comes back at once.
    let goesOn = true
    const cameBack: number[] = []
    const comeBack = async (leaseId: string): Promise<void> => {
      await service.post('big', 'release', { leaseId })
      if (!goesOn) return
      const { body } = await service.post('big', 'acquire', { waitMs })
      cameBack.push(Number(body['fence']))
      await comeBack(String(body['leaseId']))
    }
    const stream = [
      ...first.map(({ body }) => comeBack(String(body['leaseId']))),
      ...[ahead, ...after].map(async ({ reply, leaseId }) => {
        await reply
        await comeBack(leaseId)
      }),
    ]
    const granted = await big.reply
    expect(granted.status).toBe(200)
    const fence = Number(granted.body['fence'])
    expect(Number((await ahead.reply).body['fence'])).toBeLessThan(fence)
    goesOn = false
    await service.post('big', 'release', { leaseId: big.leaseId })
    for (const { reply } of after) expect(Number((await reply).body['fence'])).toBeGreaterThan(fence)
    await Promise.all(stream)
    // Nobody who came later was let in before it, not even through a free permit.
    expect(cameBack.length).toBeGreaterThan(0)
    expect(Math.min(...cameBack)).toBeGreaterThan(fence)
  })

  it('T10: a killed holder costs its ttl, a killed waiter nothing, also right after its grant', async () => {
    const service = await startReplica()
    const ttlMs = '1500'
    const holder = startProgram('hold.mjs', service.url, 'killed', '1', ttlMs)
    await holder.said('held')
    const waiter = startProgram('hold.mjs', service.url, 'killed', '1', '60000')
    await untilWaiting(service, 'killed', 1)
    const behind = service.client().semaphore('killed', 1).acquire({ waitMs })
    await untilWaiting(service, 'killed', 2)
    await waiter.kill()
    await untilWaiting(service, 'killed', 1)
    await holder.kill()
    const lease = await behind
    expect(await service.inspect('killed')).toMatchObject({ used: 1, waiting: 0 })

    const next = startProgram('hold.mjs', service.url, 'killed', '1', ttlMs)
    await untilWaiting(service, 'killed', 1)
    const last = service.client().semaphore('killed', 1).acquire({ waitMs })
    await untilWaiting(service, 'killed', 2)
    await Promise.all([lease.release(), next.kill()])
    await (await last).release()
    expect(await service.inspect('killed')).toMatchObject({ used: 0, waiting: 0 })
  })

  it('T11: no permit is lost in 1,000 cancellations that race the grant', { timeout: 60_000 }, async () => {
    const service = await startReplica()
    const semaphore = service.client().semaphore('race', 1)
    const outcomes = { granted: 0, cancelled: 0 }
    for (let round = 0; round < 1_000; round += 1) {
      const lease = await semaphore.acquire({ waitMs })
      const abort = new AbortController()
      const racing = semaphore.acquire({ signal: abort.signal })
      if (round % 2 === 0) await pass(round % 7)
      const released = lease.release()
      for (let turn = 0; turn < round % 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
      abort.abort(new Error('no longer'))
      const outcome = await racing.then(
        async (granted) => {
          await granted.release()
          return 'granted' as const
        },
        () => 'cancelled' as const,
      )
      outcomes[outcome] += 1
      await released
    }
    await vi.waitFor(async () => {
      expect(await service.inspect('race')).toMatchObject({ used: 0, waiting: 0, available: 1 })
    }, 5_000)
    expect(outcomes.cancelled).toBeGreaterThan(0)
    expect(outcomes.granted + outcomes.cancelled).toBe(1_000)
  })

  it('T11: nor in 1,000 requests that close between the grant and its delivery, with nobody to release', async () => {
    const { store } = await startReplica()
    const engine = createEngine({ store })
    onTestFinished(() => engine.close())
    const create = { limit: 1, bounded: true, onConflict: 'keep' } as const
    const request = (): AcquireRequest => {
      return { semaphore: 'closed', leaseId: randomUUID(), permits: 1, ttlMs: 60_000, waitMs, holder: '', create }
    }
    let granted = 0
    for (let round = 0; round < 1_000; round += 1) {
      const first = request()
      const holding = engine.acquire(first)
      expect((await holding.outcome).kind).toBe('granted')
      holding.delivered()
      const racing = engine.acquire(request())
      if (round % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
      const released = store.release({ semaphore: 'closed', leaseId: first.leaseId, retire: false })
      // Every other round closes as soon as it is granted, the rest a few turns after the release.
      const grant = racing.outcome.then(({ kind }) => (granted += kind === 'granted' ? 1 : 0))
      if (round % 4 < 2) await grant
      else for (let turn = 0; turn < round % 7; turn += 1) await new Promise((resolve) => setImmediate(resolve))
      racing.close()
      await Promise.all([released, grant])
    }
    await vi.waitFor(async () => {
      expect(await store.inspect({ semaphore: 'closed' })).toMatchObject({ state: { used: 0, waiting: 0 } })
    }, 5_000)
    expect(granted).toBeGreaterThanOrEqual(500)
  })

  it.each([
    { limit: 5, stillHeld: 10, woken: 0 },
    { limit: 5, stillHeld: 5, woken: 0 },
    { limit: 5, stillHeld: 3, woken: 2 },
    { limit: 5, stillHeld: 0, woken: 5 },
  ])(
    'T16: 10 -> 2 -> $limit with $stillHeld of 10 still held wakes $woken of 6',
    async ({ limit, stillHeld, woken }) => {
      const service = await startReplica()
      const acquired = Array.from({ length: 10 }, () => service.post('resize', 'acquire', { create: { limit: 10 } }))
      const held = await Promise.all(acquired)
      await service.put('resize', { limit: 2 })
      const waiting = []
      for (let i = 0; i < 6; i += 1) waiting.push(await queueOne(service, 'resize'))
      const released = held.slice(0, 10 - stillHeld)
      // Paused, so that it is the growth that wakes them and not a release.
      await service.put('resize', { limit: 0 })
      for (const { body } of released) await service.post('resize', 'release', { leaseId: body['leaseId'] })
      expect(await service.inspect('resize')).toMatchObject({ used: stillHeld, waiting: 6 })
      // Its own reply: looking afterwards would settle what the growth itself had not.
      expect((await service.put('resize', { limit })).body).toMatchObject({
        used: stillHeld + woken,
        waiting: 6 - woken,
      })
      const answered = await Promise.all(waiting.slice(0, woken).map(({ reply }) => reply))
      expect(answered.map(({ status }) => status)).toEqual(answered.map(() => 200))
    },
  )
})
