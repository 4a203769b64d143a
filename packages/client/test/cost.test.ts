import { expect, it } from 'vitest'
import { madeBy } from '../../../scripts/vitest/made-by.js'
import { SignalboxClient } from '../src/index.js'
import { answering, times } from './batching.js'

// As in packages/engine/test/redis-cost.test.ts: whoever makes a pair dearer learns so here.
const pairs = 100

it('a pair of many costs one timer, and so many promises and no more', async () => {
  let fence = 1_700_000_000_000_000
  const lease = {
    state: 'held',
    permits: 1,
    ttlMs: 30_000,
    expiresInMs: 30_000,
    waitedMs: 0,
    expiresAt: '2026-01-01T00:00:30.000Z',
  }
  const fetch = answering((calls) => ({
    body: {
      answers: calls.map(({ call, leaseId, semaphore }) => ({
        status: 200,
        body:
          call === 'acquire'
            ? { ...lease, leaseId, semaphore, fence: ++fence }
            : { state: 'released', leaseId, permits: 1 },
      })),
    },
  }))
  const client = new SignalboxClient({ url: 'http://127.0.0.1:1', fetch })
  const semaphore = client.boundedSemaphore('reports', pairs)
  const round = async (): Promise<void> => {
    const leases = await Promise.all(times(pairs, () => semaphore.acquire()))
    await Promise.all(leases.map((one) => one.release()))
  }
  await round()
  const made = await madeBy(pairs, round)
  expect(made.promises).toBeLessThan(15)
  expect(made.timers).toBeLessThan(1.1)
})
