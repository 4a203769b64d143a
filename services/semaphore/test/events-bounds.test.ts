import type { Socket } from 'node:net'
import { createMemoryStore, StoreUnavailableError, type Store } from '@signalbox/engine'
import { semaphoresEvents, unavailableEvent } from '@signalbox/protocol'
import { KeyRing } from '@signalbox/semaphore-service'
import { expect, test, vi } from 'vitest'
import { stopServing } from '../src/stop.js'
import { patience, readEvents } from './event-reader.js'
import { events, serve } from './event-world.js'
import { apiKey, type ProblemBody } from './open-service.js'

test('there are only so many streams, and one that ends makes room', async () => {
  const service = await serve({ settings: events({ streamsMax: 2 }) })
  const { port, call } = service
  const first = await readEvents(port)
  await readEvents(port, '?semaphore=a')
  const refused = await call('GET', '/v1/events')
  expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '10'])
  expect(refused.json<ProblemBody>()).toMatchObject({ code: 'OVERLOADED', retryAfterMs: 10_000 })
  const { body } = await call('GET', '/metrics')
  expect(body).toContain('signalbox_event_streams 2\n')
  expect(body).toContain('signalbox_requests_shed_total{excess="event_streams"} 1\n')
  first.leave()
  await vi.waitFor(async () => expect((await call('GET', '/v1/events')).statusCode).toBe(200), patience)
})

/** A stream of much that changes all the time, and its reader reads no further. */
async function serveUnread(unreadBytesMax: number) {
  const service = await serve({ settings: events({ intervalMs: 1, unreadBytesMax }) })
  const sockets = new Set<Socket>()
  service.app.server.on('connection', (socket: Socket) => void sockets.add(socket))
  const reader = await readEvents(service.port)
  await reader.has(1)
  reader.pause()
  const [socket] = sockets
  if (socket === undefined) throw new Error('nobody reads')
  const names = Array.from({ length: 400 }, (_none, index) => `${'x'.repeat(120)}${index}`)
  let limit = 0
  /** The machine keeps some megabytes for the reader before the service notices. */
  const until = (isSo: (socket: Socket) => boolean) =>
    vi.waitFor(async () => {
      limit += 1
      for (const semaphore of names) await service.store.configure({ semaphore, limit, bounded: true })
      expect(isSo(socket)).toBe(true)
    }, patience)
  return { ...service, reader, until }
}

test('a reader that does not read is cut', async () => {
  const { until, call } = await serveUnread(10_000)
  await until(({ destroyed }) => destroyed)
  await vi.waitFor(async () => {
    const { body } = await call('GET', '/metrics')
    expect(/^signalbox_event_streams .*$/m.exec(body)?.[0]).toBe('signalbox_event_streams 0')
  }, patience)
})

test('a reader that does not read holds no stop up', async () => {
  const { until, app, engine } = await serveUnread(1_000_000_000)
  await until(({ writableLength }) => writableLength > 1_000_000)
  await stopServing(app, engine, 600_000, () => undefined)
})

test('a stop ends every stream at once, and opens none', async () => {
  let stopping = false
  const { port, app, engine, call } = await serve({ isStopping: () => stopping })
  const readers = [await readEvents(port), await readEvents(port, '?semaphore=a')]
  for (const reader of readers) await reader.has(1)
  stopping = true
  const refused = await call('GET', '/v1/events')
  expect(refused.json<ProblemBody>()).toMatchObject({ code: 'SHUTTING_DOWN', retryAfterMs: 0 })
  // It would wait so long for what does not end by itself.
  await stopServing(app, engine, 600_000, () => undefined)
  expect(await Promise.all(readers.map(({ over }) => over))).toEqual(['end', 'end'])
})

test('a stream ends when its key is withdrawn, or may not read it any more', async () => {
  const [kept, withdrawn] = [apiKey(['inspect']), apiKey(['inspect'])]
  const [narrowed, retired] = [apiKey(['inspect']), apiKey(['inspect'])]
  const all = [kept, withdrawn, narrowed, retired]
  const keyRing = new KeyRing(all.flatMap(({ stored }) => stored))
  const { port } = await serve({ keyRing })
  const readers = await Promise.all(all.map(({ headers }) => readEvents(port, '', headers)))
  const changed = (stored: typeof kept.stored, change: object) => stored.map((key) => ({ ...key, ...change }))
  keyRing.replace([
    ...kept.stored,
    ...changed(narrowed.stored, { prefix: 'a' }),
    ...changed(retired.stored, { scopes: new Set(['acquire']) }),
  ])
  expect(await Promise.all(readers.slice(1).map(({ over }) => over))).toEqual(['end', 'end', 'end'])
  const again = await readEvents(port, '', withdrawn.headers)
  expect(again.status).toBe(401)
  expect(await Promise.race([readers[0]?.over, Promise.resolve('open')])).toBe('open')
})

test('a silent stream has a comment now and then', async () => {
  const { port } = await serve({ settings: events({ silenceMs: 1 }) })
  const reader = await readEvents(port)
  await vi.waitFor(() => expect(reader.text()).toContain('\n\n: nothing new\n\n'), patience)
  expect(reader.events).toHaveLength(1)
})

test('a store that does not answer is told once, and a snapshot follows when it does', async () => {
  const store = createMemoryStore()
  const state = { isDown: false, looks: 0 }
  const semaphores: Store['semaphores'] = (call) => {
    state.looks += 1
    return state.isDown ? Promise.reject(new StoreUnavailableError('away')) : store.semaphores(call)
  }
  const { port, call } = await serve({ store: { ...store, semaphores } })
  const unavailable = { event: 'unavailable', data: unavailableEvent.parse({ code: 'STORE_UNAVAILABLE' }) }
  const reader = await readEvents(port)
  await reader.has(1)
  state.isDown = true
  expect((await reader.has(2))[1]).toEqual(unavailable)
  const late = await readEvents(port)
  expect(await late.has(1)).toEqual([unavailable])
  const { looks } = state
  await vi.waitFor(() => expect(state.looks).toBeGreaterThan(looks + 5), patience)
  await call('PUT', '/v1/semaphores/a', { limit: 2 })
  state.isDown = false
  for (const [each, before] of [
    [reader, 2],
    [late, 1],
  ] as const) {
    const read = await each.has(before + 1)
    expect(read).toHaveLength(before + 1)
    expect(semaphoresEvents.snapshot.parse(read[before]?.data).semaphores).toMatchObject([{ name: 'a', limit: 2 }])
  }
})

test('a bug in looking ends the streams, with its story in the log alone', async () => {
  const store = createMemoryStore()
  const { port } = await serve({ store: { ...store, semaphores: () => Promise.reject(new Error('secret')) } })
  const reader = await readEvents(port)
  expect(await reader.over).toBe('end')
  expect(reader.text()).not.toContain('secret')
})
