import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import type { Socket } from 'node:net'
import { createMemoryStore } from '@signalbox/engine'
import { expect, test } from 'vitest'
import { shapesOf } from './metric-shapes.js'
import { leaseId, openService, type OpenService } from './open-service.js'

async function scrape({ call }: OpenService): Promise<string> {
  const response = await call('GET', '/metrics')
  expect(response.headers['content-type']).toMatch(/^text\/plain; version=0.0.4/)
  return response.body
}

/** The value of one series, by its text before the space. */
function value(text: string, series: string): number | undefined {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

test('grants, refusals, waits, holds and expired leases are counted', async () => {
  let nowUs = 1_800_000_000_000_000
  const service = openService({ clock: () => (nowUs += 1_000) })
  const { acquire, call } = service
  const { leaseId: id } = (await acquire('a', { create: { limit: 1 } })).json<{ leaseId: string }>()
  await acquire('a')
  await acquire('none')
  await call('POST', '/v1/semaphores/a/release', { leaseId: id })
  await acquire('a', { ttlMs: 1_000 })
  nowUs += 10_000_000
  await call('GET', '/v1/semaphores/a')
  const text = await scrape(service)
  expect(value(text, 'signalbox_grants_total')).toBe(2)
  expect(value(text, 'signalbox_refusals_total{kind="permits_unavailable"}')).toBe(1)
  expect(value(text, 'signalbox_refusals_total{kind="semaphore_not_found"}')).toBe(1)
  expect(value(text, 'signalbox_wait_seconds_count')).toBe(2)
  expect(value(text, 'signalbox_hold_seconds_count')).toBe(1)
  expect(value(text, 'signalbox_semaphore_permits_used{semaphore="a"}')).toBe(0)
  const again = await acquire('a')
  expect(again.statusCode).toBe(200)
  expect(value(await scrape(service), 'signalbox_leases_expired_total')).toBe(1)
})

test('requests are timed by route and status, never by path', async () => {
  const service = openService()
  const { acquire, call } = service
  await acquire('some-name', { create: { limit: 1 } })
  await acquire('some-name')
  await call('GET', '/nowhere/at/all')
  const text = await scrape(service)
  const count = (labels: string) => value(text, `signalbox_http_request_seconds_count{${labels}}`)
  expect(count('method="POST",route="/v1/semaphores/{name}/acquire",status="200"')).toBe(1)
  expect(count('method="POST",route="/v1/semaphores/{name}/acquire",status="429"')).toBe(1)
  expect(count('method="any",route="unmatched",status="404"')).toBe(1)
  expect(text).not.toContain('nowhere')
})

test('gauges of semaphores are what inspection shows, up to so many names', async () => {
  const service = openService({ settings: { metricsSemaphoresMax: 2 } })
  const { acquire, call } = service
  for (const name of ['a', 'b', 'c', 'd', 'e']) await acquire(name, { permits: 2, create: { limit: 3 } })
  const text = await scrape(service)
  const named = [...text.matchAll(/^signalbox_semaphore_limit\{semaphore="(\w)"\}/gm)].map((match) => match[1])
  expect(named).toHaveLength(2)
  expect(value(text, 'signalbox_semaphores_omitted')).toBe(3)
  for (const name of named) {
    const state = (await call('GET', `/v1/semaphores/${name}`)).json<{ used: number; limit: number; waiting: number }>()
    expect(value(text, `signalbox_semaphore_permits_used{semaphore="${name}"}`)).toBe(state.used)
    expect(value(text, `signalbox_semaphore_limit{semaphore="${name}"}`)).toBe(state.limit)
    expect(value(text, `signalbox_semaphore_waiters{semaphore="${name}"}`)).toBe(state.waiting)
  }
})

test('grants of a semaphore are those of all replicas, and the first in its queue waits for so long', async () => {
  let nowUs = 1_800_000_000_000_000
  const here = openService({ clock: () => nowUs })
  const there = openService({ store: here.store })
  await here.acquire('a', { create: { limit: 2 } })
  await there.acquire('a')
  void there.acquire('a', { waitMs: 5_000 })
  await expect.poll(() => there.engine.waiting).toBe(1)
  nowUs += 1_500_000
  const text = await scrape(here)
  expect(value(text, 'signalbox_semaphore_grants_total{semaphore="a"}')).toBe(2)
  expect(value(text, 'signalbox_semaphore_oldest_wait_seconds{semaphore="a"}')).toBe(1.5)
})

/** A store in which a search for semaphores finds only keys of others, page after page. */
function endlessStore(onPage: (page: number) => Promise<void> | void) {
  let pages = 0
  const semaphores = async () => {
    pages += 1
    await onPage(pages)
    return { items: [], nextCursor: 'more' }
  }
  return { store: { ...createMemoryStore(), semaphores }, pages: () => pages }
}

test('a scrape gives up the search in a store full of other keys, and says so', async () => {
  const { store, pages } = endlessStore(() => undefined)
  const text = await scrape(openService({ store }))
  expect(pages()).toBe(20)
  expect(value(text, 'signalbox_store_up')).toBe(1)
  expect(value(text, 'signalbox_semaphores_all_seen')).toBe(0)
  const service = openService({ settings: { metricsSemaphoresMax: 1 } })
  for (const name of ['a', 'b']) await service.acquire(name, { create: { limit: 1 } })
  expect(value(await scrape(service), 'signalbox_semaphores_all_seen')).toBe(1)
})

test('a scrape whose caller has gone ends', async () => {
  const { promise: gone, resolve: hasGone } = signal()
  const { store, pages } = endlessStore((page) => {
    // The other pages are answered at once.
    if (page > 1) return
    request.destroy()
    return gone
  })
  const service = openService({ store })
  service.app.server.once('connection', (socket: Socket) => socket.once('close', hasGone))
  const request = get({ port: await service.listen(), path: '/metrics', agent: false }).on('error', () => undefined)
  await gone
  // By the time of another request's answer all of them would have been asked for.
  await service.call('GET', '/healthz')
  expect(pages()).toBe(1)
})

function signal(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}

test('open waits are those of now', async () => {
  const service = openService()
  await service.acquire('a', { create: { limit: 1 } })
  void service.acquire('a', { waitMs: 5_000 })
  await expect.poll(async () => value(await scrape(service), 'signalbox_open_waits')).toBe(1)
})

test('without its store the service still tells about itself', async () => {
  const service = openService()
  await service.acquire('a', { create: { limit: 1 } })
  await service.store.close()
  const text = await scrape(service)
  expect(value(text, 'signalbox_store_up')).toBe(0)
  expect(value(text, 'signalbox_grants_total')).toBe(1)
  expect(text).not.toContain('semaphore="a"')
})

test('docs/operations.md lists every metric with its type and labels, and no other', async () => {
  const service = openService()
  const { acquire, call, metrics } = service
  metrics.storeWarned([])
  const { leaseId: id } = (await acquire('a', { create: { limit: 1 } })).json<{ leaseId: string }>()
  await acquire('a')
  await call('POST', '/v1/semaphores/a/release', { leaseId: id })
  await call('POST', '/v1/semaphores/a/release', { leaseId: leaseId() })
  const text = await scrape(service)
  const shown = shapesOf(text).map((shape) => ({ ...shape, labels: shape.labels.join(', ') }))
  // Store calls are timed by the Redis store alone.
  const table = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
  const rows = [...table.matchAll(/^\| `(signalbox_\w+)` \| (\w+) \|(.*?)\|/gm)].map(
    ([, name = '', type = '', labels = '']) => ({
      name,
      type,
      labels: labels.replaceAll('`', '').trim().split(', ').sort().join(', '),
    }),
  )
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name)
  const withoutStoreCalls = ({ name }: { name: string }) => name !== 'signalbox_store_call_seconds'
  expect(rows.filter(withoutStoreCalls).sort(byName)).toEqual(shown.filter(withoutStoreCalls).sort(byName))
  expect(rows.map(({ name }) => name)).toContain('signalbox_store_call_seconds')
})
