import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createEngine, createRedisStore, type Attempt } from '@signalbox/engine'
import { expect, inject, onTestFinished, test, vi } from 'vitest'
import { stopServing } from '../src/stop.js'
import { leaseId, openService } from './open-service.js'

const minutes = { timeout: 240_000 }
const settled = { timeout: 120_000, interval: 20 }

test('10,000 waiters of one replica are granted in their order, and heartbeats go on', minutes, async () => {
  let heartbeats = 0
  let failed = 0
  const called = ({ operation, ok }: { operation: string; ok: boolean }) => {
    if (operation === 'heartbeat') heartbeats += 1
    if (!ok) failed += 1
  }
  const store = createRedisStore({
    url: inject('redisUrl'),
    keyPrefix: `many-waiters-${process.pid}:`,
    settings: { idleMs: 1_000 },
    observer: { called, expired: () => undefined },
  })
  const engine = createEngine({ store, settings: { heartbeatMs: 500, capMs: 600_000 } })
  onTestFinished(async () => {
    await engine.close()
    await store.close()
  })
  await vi.waitFor(() => store.ping())
  const semaphore = 'one'
  const ask = (permits: number, limit: number): { id: string; attempt: Attempt } => {
    const id = leaseId()
    const create = { limit, bounded: true, onConflict: 'keep' } as const
    const request = { semaphore, leaseId: id, permits, ttlMs: 600_000, waitMs: 600_000, holder: '', create }
    return { id, attempt: engine.acquire(request) }
  }
  const holder = ask(1, 1)
  expect((await holder.attempt.outcome).kind).toBe('granted')

  const granted: number[] = []
  const waiters = Array.from({ length: 10_000 }, (_none, index) => {
    const { id, attempt } = ask(1, 1)
    const outcome = attempt.outcome.then((ended) => {
      attempt.delivered()
      granted.push(index)
      return ended
    })
    return { id, outcome }
  })
  await vi.waitFor(() => expect(engine.waiting).toBe(10_000), settled)
  // Each beat takes ten calls, a thousand requests in each.
  const already = heartbeats
  await vi.waitFor(() => expect(heartbeats).toBeGreaterThanOrEqual(already + 20), settled)
  expect(await engine.inspect({ semaphore })).toMatchObject({ state: { used: 1, waiting: 10_000 } })

  // One by one at first, each to the next in line; then as many at once as there are.
  let last = holder.id
  for (const waiter of waiters.slice(0, 200)) {
    await engine.release({ semaphore, leaseId: last, retire: false })
    expect((await waiter.outcome).kind).toBe('granted')
    last = waiter.id
  }
  await engine.configure({ semaphore, limit: 20_000, bounded: null })
  await Promise.all(waiters.map(({ outcome }) => outcome))
  expect(granted).toEqual(waiters.map((_waiter, index) => index))
  expect([engine.waiting, failed]).toEqual([0, 0])
  await engine.remove({ semaphore, force: true })
})

interface Caller {
  readonly holder: string
  readonly socket: Socket
  /** Resolves with the whole answer. */
  readonly answer: Promise<string>
}

async function callAndWait(port: number, holder: string): Promise<Caller> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  const body = JSON.stringify({ waitMs: 600_000, ttlMs: 600_000, holder })
  socket.write(
    `POST /v1/semaphores/one/acquire HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  const answer = once(socket, 'data').then(([data]: unknown[]) => String(data))
  return { holder, socket, answer }
}

test(
  '2,000 connections wait at one replica: granted in their order, the rest told to go elsewhere at its stop',
  minutes,
  async () => {
    const service = openService({ engine: { capMs: 600_000, heartbeatMs: 500 } })
    const { app, call, engine } = service
    const port = await service.listen()
    const first = (await service.acquire('one', { ttlMs: 600_000, create: { limit: 1 } })).json<{ leaseId: string }>()
    const callers = new Map<string, Caller>()
    onTestFinished(() => [...callers.values()].forEach(({ socket }) => void socket.destroy()))
    for (let index = 0; index < 2_000; index += 1) {
      const caller = await callAndWait(port, `caller-${index}`)
      callers.set(caller.holder, caller)
    }
    await vi.waitFor(() => expect(engine.waiting).toBe(2_000), settled)
    const { items } = (await call('GET', '/v1/semaphores/one/waiters?pageSize=1000')).json<{
      items: { holder: string }[]
    }>()
    expect(items).toHaveLength(1_000)

    let last = first.leaseId
    for (const { holder } of items) {
      expect((await call('POST', '/v1/semaphores/one/release', { leaseId: last })).statusCode).toBe(200)
      const answer = (await callers.get(holder)?.answer) ?? ''
      expect(answer).toMatch(/^HTTP\/1.1 200 /)
      last = /"leaseId":"([^"]+)"/.exec(answer)?.[1] ?? ''
      callers.get(holder)?.socket.destroy()
      callers.delete(holder)
    }
    expect((await call('GET', '/v1/semaphores/one')).json()).toMatchObject({ used: 1, waiting: 1_000 })

    await stopServing(app, engine, 60_000, () => undefined)
    const answers = await Promise.all([...callers.values()].map(({ answer }) => answer))
    expect(answers).toHaveLength(1_000)
    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1.1 503 [\s\S]*SHUTTING_DOWN/)
    // Their places are kept, for another replica.
    expect(await service.store.inspect({ semaphore: 'one' })).toMatchObject({ state: { waiting: 1_000 } })
  },
)
