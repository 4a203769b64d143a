import { randomUUID } from 'node:crypto'
import { createMemoryStore } from '@signalbox/engine'
import { semaphoreEvents, semaphoresEvents, type SemaphoreSnapshot, type SemaphoresSnapshot } from '@signalbox/protocol'
import { defaultAppSettings } from '@signalbox/semaphore-service'
import { describe, expect, test, vi } from 'vitest'
import { patience, readEvents, type ReadEvent } from './event-reader.js'
import { counted, events, pass, redisStore, serve } from './event-world.js'
import { apiKey, leaseId, openService, type ProblemBody } from './open-service.js'

/** What a reader knows of all semaphores after these events; each is held to its shape. */
function pictureOf(read: readonly ReadEvent[]) {
  const picture = new Map<string, SemaphoresSnapshot['semaphores'][number]>()
  for (const { event, data } of read) {
    if (event === 'snapshot') {
      picture.clear()
      for (const one of semaphoresEvents.snapshot.parse(data).semaphores) picture.set(one.name, one)
    } else {
      expect(event).toBe('changes')
      const { changed, removed } = semaphoresEvents.changes.parse(data)
      expect(changed.length + removed.length).toBeGreaterThan(0)
      for (const one of changed) {
        expect(one).not.toEqual(picture.get(one.name))
        picture.set(one.name, one)
      }
      for (const name of removed) expect(picture.delete(name)).toBe(true)
    }
  }
  return [...picture.values()].sort((a, b) => a.name.localeCompare(b.name))
}

const snapshotOf = (event: ReadEvent | undefined): SemaphoreSnapshot => {
  expect(event?.event).toBe('snapshot')
  return semaphoreEvents.snapshot.parse(event?.data)
}

describe.each([
  ['memory', () => createMemoryStore()],
  ['Redis', redisStore],
])('over %s', (_name, makeStore) => {
  test('every connection begins with all there is', async () => {
    const { port, acquire } = await serve({ store: makeStore() })
    await acquire('a', { create: { limit: 3 }, permits: 2 })
    await acquire('b', { create: { limit: 1 } })
    const readers = [await readEvents(port), await readEvents(port)]
    await readers[0]?.has(1)
    readers.push(await readEvents(port))
    for (const reader of readers) {
      const [first] = await reader.has(1)
      expect(reader.status).toBe(200)
      expect(reader.headers).toMatchObject({
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      })
      expect(reader.headers['x-request-id']).toMatch(/./)
      expect(reader.text()).toMatch(/^retry: \d+\n\n/)
      expect(first).toEqual({
        event: 'snapshot',
        data: {
          semaphores: [
            {
              name: 'a',
              limit: 3,
              bounded: true,
              used: 2,
              available: 1,
              waiting: 0,
              oldestWaitMs: 0,
              grantsPerS: expect.any(Number) as number,
            },
            expect.objectContaining({ name: 'b', used: 1 }),
          ],
          truncated: false,
        },
      })
    }
  })

  test('what others do is told: grants, waiting, releases, leases that run out, removals', async () => {
    const { port, acquire, call, engine } = await serve({ store: makeStore() })
    const reader = await readEvents(port)
    await reader.has(1)
    const shows = (state: object | null) =>
      vi.waitFor(() => {
        const [shown = null] = pictureOf(reader.events)
        expect(shown).toEqual(state === null ? null : expect.objectContaining({ name: 'a', ...state }))
      }, patience)
    const mine = leaseId()
    await acquire('a', { leaseId: mine, create: { limit: 1 } })
    await shows({ used: 1, available: 0, waiting: 0 })
    const waiter = acquire('a', { waitMs: 20_000, ttlMs: 300 })
    await vi.waitFor(() => expect(engine.waiting).toBe(1))
    await shows({ used: 1, waiting: 1 })
    await call('POST', '/v1/semaphores/a/release', { leaseId: mine })
    expect((await waiter).statusCode).toBe(200)
    await shows({ used: 1, waiting: 0, oldestWaitMs: 0 })
    await shows({ used: 0, available: 1 })
    await call('DELETE', '/v1/semaphores/a')
    await shows(null)
    expect(reader.events.map(({ event }) => event)).toEqual([
      'snapshot',
      ...Array.from(reader.events, () => 'changes').slice(1),
    ])
  })

  test('nothing is told while nothing changes but the time, and one look is for all readers', async () => {
    const { store, calls } = counted(makeStore())
    const { port, acquire, call } = await serve({ store })
    await acquire('a', { create: { limit: 1 } })
    const readers = await Promise.all(
      ['', '', '', '?semaphore=a', '?semaphore=a', '?semaphore=none'].map((query) => readEvents(port, query)),
    )
    for (const reader of readers) await reader.has(1)
    const before = calls()
    await vi.waitFor(() => expect(calls()).toBeGreaterThan(before + 40), patience)
    for (const reader of readers) expect(reader.events).toHaveLength(1)
    await call('PUT', '/v1/semaphores/a', { limit: 2 })
    const told = await Promise.all(readers.slice(0, 5).map((reader) => reader.has(2)))
    expect(told.map((read) => read.length)).toEqual([2, 2, 2, 2, 2])
  })

  test('one semaphore is told with who holds and who waits', async () => {
    const { port, acquire, call } = await serve({ store: makeStore() })
    const mine = leaseId()
    await acquire('a', { leaseId: mine, holder: 'me', create: { limit: 1 } })
    const reader = await readEvents(port, '?semaphore=a')
    const first = snapshotOf((await reader.has(1))[0])
    expect(first).toMatchObject({ semaphore: { name: 'a', used: 1 }, waiters: [], truncated: false })
    expect(first.leases.map(({ holder }) => holder)).toEqual(['me'])
    expect(reader.text()).not.toContain(mine)
    const listed = (await call('GET', '/v1/semaphores/a/leases')).json<{ items: object[] }>().items
    expect(Object.keys(listed[0] ?? {})).toEqual(Object.keys(first.leases[0] ?? {}))

    const waiter = acquire('a', { waitMs: 20_000, holder: 'next' })
    await vi.waitFor(() => {
      const last = snapshotOf(reader.events.at(-1))
      expect(last.semaphore.waiting).toBe(1)
      expect(last.waiters).toEqual([expect.objectContaining({ position: 1, permits: 1, holder: 'next' })])
    }, patience)
    const { expiresAt } = first.leases[0] ?? {}
    await call('POST', '/v1/semaphores/a/renew', { leaseId: mine, ttlMs: 120_000 })
    await vi.waitFor(() => expect(snapshotOf(reader.events.at(-1)).leases[0]?.expiresAt).not.toBe(expiresAt), patience)
    await call('POST', '/v1/semaphores/a/release', { leaseId: mine })
    await waiter
    await vi.waitFor(() => {
      const { leases, waiters } = snapshotOf(reader.events.at(-1))
      expect([leases.map(({ holder }) => holder), waiters]).toEqual([['next'], []])
    }, patience)
  })

  test('one semaphore that goes is told, and so is its coming back', async () => {
    const { port, call } = await serve({ store: makeStore() })
    const reader = await readEvents(port, '?semaphore=a')
    const removed = { event: 'removed', data: semaphoreEvents.removed.parse({ name: 'a' }) }
    expect(await reader.has(1)).toEqual([removed])
    await call('PUT', '/v1/semaphores/a', { limit: 2 })
    expect(snapshotOf((await reader.has(2))[1]).semaphore).toMatchObject({ limit: 2, grantsPerS: 0 })
    await call('DELETE', '/v1/semaphores/a')
    expect((await reader.has(3))[2]).toEqual(removed)
  })

  test('where nobody reads, the store is asked for nothing', async () => {
    const { store, calls, listings } = counted(makeStore())
    const { port, app, call } = await serve({ store })
    await pass(20)
    expect(calls()).toBe(0)
    const readers = [await readEvents(port), await readEvents(port, '?semaphore=a')]
    for (const reader of readers) await reader.has(1)
    const connections = () => new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)))
    const leaves = async (index: number) => {
      readers[index]?.leave()
      await vi.waitFor(async () => expect(await connections()).toBe(1 - index), patience)
      // What was being asked then has been answered.
      await pass(1)
    }
    await leaves(0)
    const [listed, asked] = [listings(), calls()]
    await vi.waitFor(() => expect(calls()).toBeGreaterThan(asked + 40), patience)
    expect(listings()).toBe(listed)
    await leaves(1)
    const before = calls()
    await pass(20)
    expect(calls()).toBe(before)
    // Nor is a stream opened by who asks for its headers alone.
    await app.inject({ method: 'HEAD', url: '/v1/events' })
    await pass(20)
    expect(calls()).toBe(before)
    expect((await call('GET', '/metrics')).body).toContain('signalbox_event_streams 0\n')
  })
})

test('grants of all replicas count, as those of one second', async () => {
  const keyPrefix = `events-${randomUUID()}:`
  const [here, there] = [await serve({ store: redisStore(keyPrefix) }), await serve({ store: redisStore(keyPrefix) })]
  await here.call('PUT', '/v1/semaphores/a', { limit: 1_000 })
  const readers = [await readEvents(here.port), await readEvents(here.port, '?semaphore=a')]
  for (const reader of readers) await reader.has(1)
  for (let count = 0; count < 20; count += 1) await there.acquire('a')
  const [all, one] = readers
  const shown = [() => pictureOf(all?.events ?? [])[0], () => snapshotOf(one?.events.at(-1)).semaphore]
  for (const last of shown) {
    await vi.waitFor(() => expect(last()).toMatchObject({ used: 20 }), patience)
    expect(last()?.grantsPerS).toBeGreaterThan(0)
  }
  for (const last of shown) await vi.waitFor(() => expect(last()?.grantsPerS).toBe(0), patience)
})

describe('what is shown', () => {
  test('is what begins with the prefix that is asked for', async () => {
    const { port, call } = await serve()
    for (const name of ['mail:a', 'billing:a', 'billing:b']) await call('PUT', `/v1/semaphores/${name}`, { limit: 1 })
    const reader = await readEvents(port, '?prefix=billing:')
    await reader.has(1)
    for (const name of ['mail:a', 'mail:b', 'billing:c', 'billing:a'])
      await call('PUT', `/v1/semaphores/${name}`, { limit: 2 })
    await vi.waitFor(() => {
      const shown = pictureOf(reader.events).map(({ name, limit }) => [name, limit])
      expect(shown).toEqual([
        ['billing:a', 2],
        ['billing:b', 1],
        ['billing:c', 2],
      ])
    }, patience)
    expect(reader.text()).not.toContain('mail')
  })

  test('to a key with a prefix is what begins with it', async () => {
    const { headers, stored } = apiKey(['inspect'], 'billing:')
    const { port, call, store } = await serve({ settings: { apiKeys: stored } })
    for (const semaphore of ['mail:a', 'billing:a', 'billing:b'])
      await store.configure({ semaphore, limit: 1, bounded: true })
    const shownFor = async (query: string) => {
      const reader = await readEvents(port, query, headers)
      const [first] = await reader.has(1)
      return semaphoresEvents.snapshot.parse(first?.data).semaphores.map(({ name }) => name)
    }
    expect(await shownFor('')).toEqual(['billing:a', 'billing:b'])
    expect(await shownFor('?prefix=bill')).toEqual(['billing:a', 'billing:b'])
    expect(await shownFor('?prefix=billing:b')).toEqual(['billing:b'])
    expect(await shownFor('?prefix=mail:')).toEqual([])
    const refused = await call('GET', '/v1/events?semaphore=mail:a', undefined, headers)
    expect(refused.json<ProblemBody>()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
    const own = await readEvents(port, '?semaphore=billing:a', headers)
    expect(snapshotOf((await own.has(1))[0]).semaphore.name).toBe('billing:a')
  })

  test('is cut to so many semaphores, and to a page of leases, and says so while it is', async () => {
    const settings = { ...events({ semaphoresMax: 2 }), limits: { ...defaultAppSettings.limits, pageSizeMax: 2 } }
    const { port, call, acquire } = await serve({ settings })
    for (const name of ['a', 'b']) await call('PUT', `/v1/semaphores/${name}`, { limit: 9 })
    const reader = await readEvents(port)
    await reader.has(1)
    const told = async (count: number) => {
      const { semaphores, truncated } = semaphoresEvents.snapshot.parse((await reader.has(count))[count - 1]?.data)
      return [semaphores.map(({ name }) => name), truncated]
    }
    expect(await told(1)).toEqual([['a', 'b'], false])
    await call('PUT', '/v1/semaphores/c', { limit: 9 })
    expect(await told(2)).toEqual([['a', 'b'], true])
    await call('DELETE', '/v1/semaphores/c')
    expect(await told(3)).toEqual([['a', 'b'], false])

    for (let count = 0; count < 2; count += 1) await acquire('a')
    const one = await readEvents(port, '?semaphore=a')
    expect(snapshotOf((await one.has(1))[0])).toMatchObject({ truncated: false })
    await acquire('a')
    await vi.waitFor(() => {
      const { semaphore, leases, truncated } = snapshotOf(one.events.at(-1))
      expect([semaphore.used, leases.length, truncated]).toEqual([3, 2, true])
    }, patience)
  })
})

test.each([
  ['?prefix=a&semaphore=a', '/prefix'],
  ['?semaphore=a%20b', '/semaphore'],
  ['?prefix=-', '/prefix'],
  ['?name=a', '/name'],
])('%s is refused', async (query, pointer) => {
  const { call } = openService()
  const response = await call('GET', `/v1/events${query}`)
  expect(response.json<ProblemBody>()).toMatchObject({ code: 'INVALID_REQUEST', errors: [{ pointer }] })
})
