import { describe, expect, it, vi } from 'vitest'
import { LeaseLostError, SignalboxError, type Lease } from '../src/index.js'
import { answering, start, times, usedOf } from './batching.js'
import { Wire } from './wire.js'

describe('a service without batches', () => {
  it.each([
    [404, { code: 'ROUTE_NOT_FOUND' }],
    [404, '<h1>Not found</h1>'],
    [405, { code: 'METHOD_NOT_ALLOWED' }],
    [413, { code: 'PAYLOAD_TOO_LARGE' }],
    [400, { code: 'INVALID_REQUEST' }],
  ])('which answers %d %j is asked plainly from then on', async (status, body) => {
    let batches = 0
    const fetchWithout = answering(() => {
      batches++
      return { status, body }
    })
    const { client, service } = await start({ fetch: fetchWithout })
    const semaphore = client.semaphore('reports', 5)
    const leases = await Promise.all(times(2, () => semaphore.acquire()))
    leases.push(...(await Promise.all(times(3, () => semaphore.acquire()))))
    expect([await usedOf(service), batches]).toEqual([5, 1])
    await Promise.all(leases.map((lease) => lease.release()))
    expect(await usedOf(service)).toBe(0)
  })
})

describe('a reply to a batch that is none', () => {
  const held = (call: Record<string, unknown>, members: object = {}) => ({
    status: 200,
    body: {
      ...{ state: 'held', leaseId: call['leaseId'], semaphore: call['semaphore'], permits: 1, fence: 1 },
      ...{ ttlMs: call['ttlMs'], expiresInMs: call['ttlMs'], waitedMs: 0, expiresAt: '', ...members },
    },
  })

  it.each<[string, (calls: Record<string, unknown>[]) => { status?: number; body: unknown }]>([
    ['is no JSON', () => ({ body: '<html>' })],
    ['is nothing', () => ({ body: '' })],
    ['has no answers', () => ({ body: {} })],
    ['has answers that are no list', () => ({ body: { answers: { length: 2 } } })],
    ['has too few', (calls) => ({ body: { answers: calls.slice(1).map((call) => held(call)) } })],
    ['has too many', (calls) => ({ body: { answers: [...calls, ...calls].map((call) => held(call)) } })],
    ['has them in another order', (calls) => ({ body: { answers: calls.map((call) => held(call)).reverse() } })],
    ['has none of the right shape', (calls) => ({ body: { answers: calls.map(() => 'held') } })],
    ['has no status', (calls) => ({ body: { answers: calls.map((call) => ({ body: held(call).body })) } })],
    [
      'has a status of text',
      (calls) => ({ body: { answers: calls.map((call) => ({ ...held(call), status: '200' })) } }),
    ],
    ['has another success', (calls) => ({ body: { answers: calls.map((call) => ({ ...held(call), status: 203 })) } })],
    ['has redirects', (calls) => ({ body: { answers: calls.map((call) => ({ ...held(call), status: 307 })) } })],
    [
      'has leases for too long',
      (calls) => ({ body: { answers: calls.map((call) => held(call, { expiresInMs: 1e9 })) } }),
    ],
    ['is another success', (calls) => ({ status: 203, body: { answers: calls.map((call) => held(call)) } })],
    ['is longer than any', () => ({ body: ' '.repeat(5 * 1024 * 1024) })],
  ])('%s gives no permit to any of its calls, and each is undone', async (_what, batch) => {
    const undone: string[] = []
    const answer = answering((calls) => {
      if (calls.every(({ call }) => call === 'acquire')) return batch(calls)
      undone.push(...calls.filter(({ retire }) => retire === true).map(({ leaseId }) => String(leaseId)))
      return { body: { answers: calls.map(() => ({ status: 410, body: { code: 'LEASE_NOT_HELD' } })) } }
    })
    const { client } = await start({ fetch: answer, retryForMs: 0 })
    const settled = await Promise.allSettled(times(2, () => client.semaphore('reports').acquire()))
    for (const one of settled) {
      if (one.status === 'fulfilled') throw new Error('that was no lease')
      expect(one.reason).toBeInstanceOf(SignalboxError)
      expect(['UNEXPECTED_REPLY', 'UNREACHABLE']).toContain((one.reason as SignalboxError).code)
    }
    await vi.waitFor(() => expect(undone).toHaveLength(2))
  })

  it('has released nothing, and lost nothing', async () => {
    let isBroken = false
    const wire = new Wire()
    const broken = answering(() => ({ body: { answers: [] } }))
    const { client, service } = await start({
      fetch: (url, request) => (isBroken ? broken : wire.fetch)(url, request),
    })
    const leases: Lease[] = await Promise.all(times(2, () => client.semaphore('reports', 2).acquire()))
    isBroken = true
    for (const settled of await Promise.allSettled(leases.map((lease) => lease.renew()))) {
      expect(settled).toMatchObject({ status: 'rejected', reason: { code: 'UNEXPECTED_REPLY' } })
    }
    expect(leases.map(({ signal }) => signal.aborted)).toEqual([false, false])
    for (const settled of await Promise.allSettled(leases.map((lease) => lease.release()))) {
      expect(settled).toMatchObject({ status: 'rejected', reason: { code: 'UNEXPECTED_REPLY' } })
    }
    expect(await usedOf(service)).toBe(2)
  })

  it('that says which leases are lost is believed of those alone', async () => {
    const { client, service } = await start()
    const leases = await Promise.all(times(3, () => client.semaphore('reports', 3).acquire()))
    const [first] = leases
    await service.store.revoke({ semaphore: 'reports', fence: first?.fence ?? 0 })
    const settled = await Promise.allSettled(leases.map((lease) => lease.renew()))
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
    expect(first?.signal.reason).toBeInstanceOf(LeaseLostError)
  })
})
