import { StoreRecoveringError } from '@signalbox/engine'
import { errorTable, problemReply, problemType, type ErrorCode } from '@signalbox/protocol'
import type { LightMyRequestResponse } from 'fastify'
import { describe, expect, test } from 'vitest'
import { apiKey, leaseId, openService, type ProblemBody } from './open-service.js'

const one = { create: { limit: 1 } }

/** For each code a way to get it. The type makes a new code ask for one. */
const provocations: Record<ErrorCode, () => Promise<LightMyRequestResponse>> = {
  INVALID_REQUEST: () => openService().acquire('a', { permits: 0 }),
  UNAUTHENTICATED: () => openService({ settings: { apiKeys: apiKey(['acquire']).stored } }).acquire('a'),
  FORBIDDEN: () => openService().call('GET', '/v1/semaphores', undefined, { host: 'example.org' }),
  SEMAPHORE_NOT_FOUND: () => openService().acquire('a'),
  ROUTE_NOT_FOUND: () => openService().call('GET', '/nowhere'),
  METHOD_NOT_ALLOWED: () => openService().call('GET', '/v1/semaphores/a/acquire'),
  PAYLOAD_TOO_LARGE: () => openService().acquire('a', { holder: 'x'.repeat(17_000) }),
  UNSUPPORTED_MEDIA_TYPE: () =>
    openService().call('POST', '/v1/semaphores/a/acquire', {}, { 'content-type': 'text/plain' }),
  PERMITS_EXCEED_LIMIT: () => openService().acquire('a', { ...one, permits: 2 }),
  LIMIT_CONFLICT: async () => {
    const { acquire } = openService()
    await acquire('a', one)
    return acquire('a', { create: { limit: 2, onConflict: 'error' } })
  },
  LEASE_ID_CONFLICT: async () => {
    const { acquire } = openService()
    const id = leaseId()
    await acquire('a', { leaseId: id, create: { limit: 3 } })
    return acquire('a', { leaseId: id, permits: 2 })
  },
  RELEASED_TOO_MANY_TIMES: async () => {
    const { acquire, call } = openService()
    await acquire('a', one)
    return call('POST', '/v1/semaphores/a/add-permits', { permits: 1, requestId: leaseId() })
  },
  SEMAPHORE_IN_USE: async () => {
    const { acquire, call } = openService()
    await acquire('a', one)
    return call('DELETE', '/v1/semaphores/a')
  },
  LEASE_NOT_HELD: () => openService().call('POST', '/v1/semaphores/a/release', { leaseId: leaseId() }),
  WAIT_CANCELLED: async () => {
    const { acquire, call } = openService()
    const id = leaseId()
    await call('POST', '/v1/semaphores/a/release', { leaseId: id, retire: true })
    return acquire('a', { leaseId: id, ...one })
  },
  PERMITS_UNAVAILABLE: async () => {
    const { acquire } = openService()
    await acquire('a', one)
    return acquire('a')
  },
  ACQUIRE_TIMEOUT: async () => {
    const { acquire } = openService()
    await acquire('a', one)
    return acquire('a', { waitMs: 20 })
  },
  STILL_WAITING: async () => {
    const { acquire } = openService({ engine: { capMs: 20 } })
    await acquire('a', one)
    return acquire('a', { waitMs: 5_000 })
  },
  QUEUE_FULL: async () => {
    const { acquire } = openService({ storeSettings: { queueMax: 1 } })
    await acquire('a', one)
    void acquire('a', { waitMs: 5_000 })
    return acquire('a', { waitMs: 5_000 })
  },
  INTERNAL: () => {
    const clock = () => {
      throw new Error('the cause, which is nobody’s business')
    }
    return openService({ clock }).acquire('a', one)
  },
  STORE_UNAVAILABLE: async () => {
    const { acquire, store } = openService()
    await store.close()
    return acquire('a', one)
  },
  STORE_RECOVERING: () => {
    const clock = () => {
      throw new StoreRecoveringError(2_500)
    }
    return openService({ clock }).acquire('a', one)
  },
  OVERLOADED: async () => {
    const { acquire } = openService({ engine: { waitersMax: 1 } })
    await acquire('a', one)
    void acquire('a', { waitMs: 5_000 })
    return acquire('a', { waitMs: 5_000 })
  },
  SHUTTING_DOWN: async () => {
    const { acquire, engine } = openService()
    engine.stop()
    return acquire('a', one)
  },
}

describe('the error table', () => {
  test.each(Object.entries(provocations))('%s is answered as the table says', async (code, provoke) => {
    const row = Object.entries(errorTable).find(([known]) => known === code)?.[1]
    const response = await provoke()
    const body = response.json<ProblemBody>()
    expect(body.code).toBe(code)
    expect(response.statusCode).toBe(row?.status)
    expect(response.headers['content-type']).toBe('application/problem+json')
    expect(response.headers['cache-control']).toBe('no-store')
    expect(response.headers['x-request-id']).toBe(body.requestId)
    expect(problemReply.parse(body)).toMatchObject({ status: row?.status, title: row?.title })
    expect(body.type).toBe(problemType(problemReply.parse(body).code))
    // A sentence, with more in it than the title has.
    expect(body.detail).toMatch(/^\S.*\.$/)
    expect(body.detail).not.toBe(`${body.title}.`)
    // It says when to come back if that helps, and only then.
    const { retryAfterMs } = body
    const retryAfter = response.headers['retry-after']
    expect(retryAfter !== undefined).toBe(row?.retryable)
    expect(retryAfter).toBe(retryAfterMs === undefined ? undefined : String(Math.ceil(retryAfterMs / 1000)))
  })

  test('nothing of a bug’s cause is on the wire', async () => {
    const response = await provocations.INTERNAL()
    expect(response.body).not.toContain('nobody’s business')
    expect(response.body).toContain(response.json<ProblemBody>().requestId)
  })
})
