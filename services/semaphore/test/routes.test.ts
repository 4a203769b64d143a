import {
  acquireReply,
  leaseItem,
  leaseReply,
  pageOf,
  releaseReply,
  revokeReply,
  semaphoreReply,
  waiterItem,
} from '@signalbox/protocol'
import { randomUUID } from 'node:crypto'
import { createRedisStore } from '@signalbox/engine'
import { describe, expect, inject, test, vi } from 'vitest'
import { leaseId, openService, type OpenOptions, type OpenService, type ProblemBody } from './open-service.js'

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The same over both stores: what HTTP says must not depend on where the state is. */
const stores: [name: string, open: (options?: OpenOptions) => Promise<OpenService>][] = [
  ['memory', async (options) => openService(options)],
  [
    'Redis',
    async (options) => {
      const store = createRedisStore({ url: inject('redisUrl'), keyPrefix: `routes-${randomUUID()}:` })
      await vi.waitFor(() => store.ping())
      return openService({ ...options, store })
    },
  ],
]

describe.each(stores)('on the store %s', (_name, open) => {
  describe('acquire', () => {
    test('without a body takes all defaults', async () => {
      const { call, app } = await open()
      await call('PUT', '/v1/semaphores/a', { limit: 1 })
      const response = await app.inject({ method: 'POST', url: '/v1/semaphores/a/acquire' })
      expect(response.statusCode).toBe(200)
      const lease = acquireReply.strict().parse(response.json())
      expect(lease).toMatchObject({ state: 'held', semaphore: 'a', permits: 1, ttlMs: 30_000, waitedMs: 0 })
      expect(lease.leaseId).toMatch(uuid)
      expect(Date.parse(lease.expiresAt)).toBeGreaterThan(Date.now() + 25_000)
    })

    test.each([
      ['an empty body of type JSON', '', 'application/json'],
      ['an empty object', '{}', 'application/json; charset=utf-8'],
    ])('takes %s as all defaults', async (_what, payload, type) => {
      const { call, app } = await open()
      await call('PUT', '/v1/semaphores/a', { limit: 1 })
      const request = {
        method: 'POST',
        url: '/v1/semaphores/a/acquire',
        payload,
        headers: { 'content-type': type },
      } as const
      expect((await app.inject(request)).statusCode).toBe(200)
    })

    test('takes an id in any case and answers in lower case', async () => {
      const { acquire, call } = await open()
      const id = leaseId()
      const response = await acquire('a', { leaseId: id.toUpperCase(), create: { limit: 1 } })
      expect(response.json()).toMatchObject({ leaseId: id })
      const renewed = await call('POST', '/v1/semaphores/a/renew', { leaseId: id.toUpperCase(), ttlMs: 60_000 })
      expect(renewed.json()).toMatchObject({ leaseId: id, ttlMs: 60_000 })
      expect((await call('POST', '/v1/semaphores/a/release', { leaseId: id.toUpperCase() })).statusCode).toBe(200)
    })

    test('says when the limit is not the one that the caller named', async () => {
      const { acquire } = await open()
      await acquire('a', { create: { limit: 2 } })
      const same = acquireReply.parse((await acquire('a', { create: { limit: 2 } })).json())
      expect(same.limitMismatch).toBeUndefined()
      const { acquire: other } = await open()
      await other('a', { create: { limit: 3 } })
      expect((await other('a', { create: { limit: 2 } })).json()).toMatchObject({ limitMismatch: { limit: 3 } })
    })

    test('waits for its turn, with the whole ttl before it', async () => {
      const { acquire, call } = await open()
      const first = acquireReply.parse((await acquire('a', { create: { limit: 1 } })).json())
      const second = acquire('a', { waitMs: 5_000, ttlMs: 7_000 })
      await untilWaiting(call, 1)
      await call('POST', '/v1/semaphores/a/release', { leaseId: first.leaseId })
      const lease = acquireReply.parse((await second).json())
      expect(lease).toMatchObject({ ttlMs: 7_000, expiresInMs: 7_000 })
      expect(lease.fence).toBeGreaterThan(first.fence)
    })

    test('that still waits at the cap is told its id and place, and keeps both', async () => {
      const { acquire, call } = await open({ engine: { capMs: 30 } })
      const held = acquireReply.parse((await acquire('a', { create: { limit: 1 } })).json())
      const waiting = (await acquire('a', { waitMs: 5_000 })).json<ProblemBody & { leaseId: string }>()
      expect(waiting).toMatchObject({ code: 'STILL_WAITING', position: 1, retryAfterMs: 1_000 })
      expect(waiting.leaseId).toMatch(uuid)
      await call('POST', '/v1/semaphores/a/release', { leaseId: held.leaseId })
      expect((await acquire('a', { leaseId: waiting.leaseId })).statusCode).toBe(200)
    })

    test('that is busy says when to come back, from the nearest deadline and within bounds', async () => {
      const { acquire } = await open()
      await acquire('a', { ttlMs: 8_000, create: { limit: 1 } })
      const busy = (await acquire('a')).json<ProblemBody>()
      expect(busy).toMatchObject({ limit: 1, used: 1, waiting: 0, semaphore: 'a' })
      expect(busy.retryAfterMs).toBeGreaterThan(6_000)
      expect(busy.retryAfterMs).toBeLessThanOrEqual(8_000)
      await acquire('b', { ttlMs: 3_600_000, create: { limit: 1 } })
      expect((await acquire('b')).json()).toMatchObject({ retryAfterMs: 30_000 })
    })
  })

  describe('release', () => {
    test('gives the permits back once', async () => {
      const { acquire, call } = await open()
      const { leaseId: id } = acquireReply.parse((await acquire('a', { permits: 2, create: { limit: 2 } })).json())
      const first = await call('POST', '/v1/semaphores/a/release', { leaseId: id })
      expect(releaseReply.strict().parse(first.json())).toEqual({ state: 'released', leaseId: id, permits: 2 })
      const again = await call('POST', '/v1/semaphores/a/release', { leaseId: id })
      expect(again.statusCode).toBe(410)
      expect(again.body).not.toContain(id)
    })

    test('of a waiter leaves the queue, and the waiter hears it', async () => {
      const { acquire, call } = await open()
      await acquire('a', { create: { limit: 1 } })
      const id = leaseId()
      const waiting = acquire('a', { leaseId: id, waitMs: 5_000 })
      await untilWaiting(call, 1)
      const response = await call('POST', '/v1/semaphores/a/release', { leaseId: id })
      expect(response.json()).toEqual({ state: 'cancelled', leaseId: id, permits: 1 })
      expect((await waiting).json()).toMatchObject({ code: 'WAIT_CANCELLED' })
    })
  })

  test('renew pushes the deadline out', async () => {
    const { acquire, call } = await open()
    const lease = acquireReply.parse((await acquire('a', { ttlMs: 1_000, create: { limit: 1 } })).json())
    const response = await call('POST', '/v1/semaphores/a/renew', { leaseId: lease.leaseId, ttlMs: 90_000 })
    const renewed = leaseReply.strict().parse(response.json())
    expect(renewed).toMatchObject({ fence: lease.fence, ttlMs: 90_000, waitedMs: 0, permits: 1 })
    expect(renewed.expiresInMs).toBeGreaterThan(89_000)
  })

  describe('a semaphore', () => {
    test('is defined, resized, looked at and deleted', async () => {
      const { call } = await open()
      const created = await call('PUT', '/v1/semaphores/a', { limit: 3, bounded: false })
      expect(created.statusCode).toBe(201)
      const semaphore = { name: 'a', limit: 3, bounded: false, used: 0, available: 3, waiting: 0, oldestWaitMs: 0 }
      expect(semaphoreReply.strict().parse(created.json())).toEqual(semaphore)
      const resized = await call('PUT', '/v1/semaphores/a', { limit: 5 })
      expect([resized.statusCode, resized.json()]).toEqual([200, { ...semaphore, limit: 5, available: 5 }])
      expect((await call('GET', '/v1/semaphores/a')).json()).toEqual(resized.json())
      const removed = await call('DELETE', '/v1/semaphores/a')
      expect([removed.statusCode, removed.body]).toEqual([204, ''])
      expect((await call('GET', '/v1/semaphores/a')).statusCode).toBe(404)
    })

    test('has none available, not fewer, when its limit was lowered below its use', async () => {
      const { acquire, call } = await open()
      await acquire('a', { permits: 3, create: { limit: 3 } })
      expect((await call('PUT', '/v1/semaphores/a', { limit: 1 })).json()).toMatchObject({
        limit: 1,
        used: 3,
        available: 0,
      })
    })

    test('that counts grows by add-permits, once for each requestId', async () => {
      const { call } = await open()
      await call('PUT', '/v1/semaphores/a', { limit: 1, bounded: false })
      const body = { permits: 2, requestId: leaseId() }
      const [first, again] = [
        await call('POST', '/v1/semaphores/a/add-permits', body),
        await call('POST', '/v1/semaphores/a/add-permits', { ...body, requestId: body.requestId.toUpperCase() }),
      ]
      expect(first.json()).toMatchObject({ limit: 3 })
      expect(again.json()).toMatchObject({ limit: 3 })
    })

    test('does not grow beyond the largest limit', async () => {
      const { call } = await open({ settings: { limits: { ...limits, limitMax: 5 } } })
      await call('PUT', '/v1/semaphores/a', { limit: 4, bounded: false })
      const response = await call('POST', '/v1/semaphores/a/add-permits', { permits: 2, requestId: leaseId() })
      expect(response.statusCode).toBe(400)
      expect(response.json()).toMatchObject({ errors: [{ pointer: '/permits' }] })
      expect((await call('GET', '/v1/semaphores/a')).json()).toMatchObject({ limit: 4 })
    })

    test('with leases is deleted only by force, and its waiters hear that it is gone', async () => {
      const { acquire, call } = await open()
      await acquire('a', { create: { limit: 1 } })
      const waiting = acquire('a', { waitMs: 5_000 })
      await untilWaiting(call, 1)
      expect((await call('DELETE', '/v1/semaphores/a?force=false')).json()).toMatchObject({
        code: 'SEMAPHORE_IN_USE',
        used: 1,
      })
      expect((await call('DELETE', '/v1/semaphores/a?force=true')).statusCode).toBe(204)
      expect((await waiting).json()).toMatchObject({ code: 'SEMAPHORE_NOT_FOUND' })
    })
  })

  describe('listings', () => {
    test('of leases name holders and fences, never ids; by the fence an operator takes one back', async () => {
      const { acquire, call } = await open()
      const id = leaseId()
      const { fence } = acquireReply.parse(
        (await acquire('a', { leaseId: id, holder: 'job 7', create: { limit: 1 } })).json(),
      )
      const page = await call('GET', '/v1/semaphores/a/leases')
      expect(page.body).not.toContain(id)
      const { items, nextCursor } = pageOf(leaseItem.strict()).strict().parse(page.json())
      expect(items).toMatchObject([{ fence, permits: 1, holder: 'job 7' }])
      expect(nextCursor).toBeNull()
      const revoked = await call('DELETE', `/v1/semaphores/a/leases/${fence}`)
      expect(revokeReply.strict().parse(revoked.json())).toEqual({ state: 'released', fence, permits: 1 })
      const gone = await call('DELETE', `/v1/semaphores/a/leases/${fence}`)
      expect(gone.json()).toMatchObject({ code: 'LEASE_NOT_HELD' })
    })

    test('of waiters tell the order, and pages join up', async () => {
      const { acquire, call } = await open()
      await acquire('a', { create: { limit: 1 } })
      for (const [index, holder] of ['x', 'y', 'z'].entries()) {
        void acquire('a', { waitMs: 5_000, holder })
        await untilWaiting(call, index + 1)
      }
      const first = pageOf(waiterItem.strict()).parse((await call('GET', '/v1/semaphores/a/waiters?pageSize=2')).json())
      expect(first.items.map(({ position, holder }) => [position, holder])).toEqual([
        [1, 'x'],
        [2, 'y'],
      ])
      const cursor = encodeURIComponent(first.nextCursor ?? '')
      const rest = await call('GET', `/v1/semaphores/a/waiters?pageSize=2&cursor=${cursor}`)
      expect(rest.json()).toMatchObject({ items: [{ position: 3, holder: 'z' }], nextCursor: null })
    })

    test('of semaphores go by prefix', async () => {
      const { call } = await open()
      for (const name of ['a:1', 'a:2', 'b:1']) await call('PUT', `/v1/semaphores/${name}`, { limit: 1 })
      const page = pageOf(semaphoreReply.strict()).parse((await call('GET', '/v1/semaphores?prefix=a:')).json())
      expect(page.items.map(({ name }) => name).sort()).toEqual(['a:1', 'a:2'])
    })

    test.each(['leases', 'waiters'])('of the %s of an unknown semaphore are 404', async (what) => {
      const { call } = await open()
      const response = await call('GET', `/v1/semaphores/a/${what}`)
      expect(response.json()).toMatchObject({ code: 'SEMAPHORE_NOT_FOUND' })
    })
  })

  describe('health', () => {
    test('is about the process alone, readiness about the store and the stop', async () => {
      let stopping = false
      const { call, store } = await open({ isStopping: () => stopping })
      expect((await call('GET', '/readyz')).json()).toEqual({ status: 'ready', store: await store.ping() })
      stopping = true
      expect((await call('GET', '/readyz')).json()).toMatchObject({ status: 503, code: 'SHUTTING_DOWN' })
      stopping = false
      await store.close()
      expect((await call('GET', '/readyz')).json()).toMatchObject({ status: 503, code: 'STORE_UNAVAILABLE' })
      expect((await call('GET', '/healthz?probe=1')).json()).toEqual({ status: 'ok' })
    })
  })

  test('a request id is taken over if it is sane, else made', async () => {
    const { call } = await open()
    const sane = await call('GET', '/healthz', undefined, { 'x-request-id': 'job-7.retry_2' })
    expect(sane.headers['x-request-id']).toBe('job-7.retry_2')
    expect(sane.headers['cache-control']).toBe('no-store')
    for (const insane of ['', 'a b', 'x'.repeat(65), 'é', '<script>']) {
      const response = await call('GET', '/healthz', undefined, { 'x-request-id': insane })
      expect(response.headers['x-request-id']).toMatch(uuid)
    }
  })
})

test('a listing without pageSize has as many items as a page may have, also where that is less than the default', async () => {
  const { acquire, call } = openService({ settings: { limits: { ...limits, pageSizeMax: 2 } } })
  for (const name of ['a', 'b', 'c']) await acquire(name, { create: { limit: 5 } })
  for (let more = 0; more < 2; more += 1) await acquire('a')
  for (const path of ['/v1/semaphores', '/v1/semaphores/a/leases', '/v1/semaphores/a/waiters']) {
    const response = await call('GET', path)
    expect(response.statusCode).toBe(200)
    expect(response.json<{ items: unknown[] }>().items).toHaveLength(path.endsWith('waiters') ? 0 : 2)
  }
})

const limits = { ttlMsMax: 1_000, waitMsMax: 1_000, limitMax: 10, holderLengthMax: 10, pageSizeMax: 10 }

async function untilWaiting(call: ReturnType<typeof openService>['call'], waiting: number): Promise<void> {
  await expect
    .poll(async () => (await call('GET', '/v1/semaphores/a')).json<{ waiting: number }>().waiting)
    .toBe(waiting)
}
