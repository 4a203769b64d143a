import { createRedisStore } from '@signalbox/engine'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { badRequests, id } from './bad-requests.js'
import { leaseId, openService, type ProblemBody } from './open-service.js'

/** Everything in Redis under this prefix, as bytes: what a refused request must leave as it was. */
async function snapshot(keyPrefix: string): Promise<Record<string, string>> {
  const { Redis } = await import('ioredis')
  const client = new Redis(inject('redisUrl'))
  try {
    const keys = (await client.keys(`${keyPrefix}*`)).sort()
    const dumps = await Promise.all(keys.map(async (key) => [key, (await client.dumpBuffer(key)).toString('hex')]))
    return Object.fromEntries(dumps) as Record<string, string>
  } finally {
    client.disconnect()
  }
}

describe('a request that is not valid', () => {
  const keyPrefix = `bad-input-${process.pid}:`
  const store = createRedisStore({ url: inject('redisUrl'), keyPrefix })
  const { app } = openService({ store }, afterAll)
  let before: Record<string, string>

  beforeAll(async () => {
    await vi.waitFor(() => store.ping())
    await store.acquire({
      semaphore: 'taken',
      leaseId: leaseId(),
      permits: 1,
      ttlMs: 600_000,
      enqueue: false,
      attachment: { replica: 'r', number: 1 },
      holder: '',
      create: { limit: 2, bounded: true, onConflict: 'keep' },
    })
    before = await snapshot(keyPrefix)
    expect(Object.keys(before).length).toBeGreaterThan(0)
  })

  test.each(badRequests)('$what: is refused with what is wrong', async (bad) => {
    const { method = 'POST', url, body: payload, pointer, says } = bad
    const headers = { 'content-type': 'application/json' }
    const response = await app.inject(payload === undefined ? { method, url } : { method, url, payload, headers })
    const problem = response.json<ProblemBody>()
    expect(problem).toMatchObject({ code: 'INVALID_REQUEST', status: 400 })
    expect(problem.detail).toMatch(says)
    if (problem.errors !== undefined) expect(problem.errors[0]?.pointer).toBe(pointer)
    else expect(pointer).toBe('')
    expect(response.body).not.toContain(id)
  })

  test('changes nothing in Redis', async () => {
    expect(await snapshot(keyPrefix)).toEqual(before)
  })
})
