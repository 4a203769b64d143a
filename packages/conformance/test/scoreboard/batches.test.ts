import { describe, expect, it, vi } from 'vitest'
import { startProgram, startReplica } from './served.js'

const waitMs = 20_000

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

// What queue.test.ts has, where many calls go in one request.
describe('scoreboard: many at once', () => {
  it('T5: 40 acquires of one turn are granted in the order of their calls', async () => {
    const service = await startReplica()
    const semaphore = service.client().boundedSemaphore('order', 1)
    const held = await semaphore.acquire()
    const order: number[] = []
    const all = Array.from({ length: 40 }, async (_none, index) => {
      const lease = await semaphore.acquire({ waitMs })
      order.push(index)
      await lease.release()
    })
    await vi.waitFor(async () => expect(await service.inspect('order')).toMatchObject({ waiting: 40 }), 10_000)
    await held.release()
    await Promise.all(all)
    expect(order).toEqual(Array.from({ length: 40 }, (_none, index) => index))
  })

  it('T10: a killed process that held 10 and queued for 10 costs its ttl, and no more', async () => {
    const service = await startReplica()
    const program = startProgram('hold-many.mjs', service.url, 'killed', '10', '1500')
    await program.said('held')
    await vi.waitFor(async () => expect(await service.inspect('killed')).toMatchObject({ waiting: 10 }), 10_000)
    await program.kill()
    // All ten: whoever of the dead were granted for having come back for their places would hold longer.
    const lease = await service.client().semaphore('killed', 10).acquire({ permits: 10, waitMs })
    expect(await service.inspect('killed')).toMatchObject({ used: 10, waiting: 0 })
    await lease.release()
  })

  it('T11: no permit is lost in 2,000 acquires of which half are aborted, before, in and after their batch', async () => {
    const service = await startReplica()
    const semaphore = service.client().boundedSemaphore('aborted', 10)
    const outcomes = { granted: 0, aborted: 0, refused: 0 }
    for (let round = 0; round < 100; round += 1) {
      const abort = new AbortController()
      const all = Array.from({ length: 20 }, async (_none, index) => {
        const signal = index % 2 === 0 ? undefined : abort.signal
        try {
          const lease = await semaphore.acquire({ waitMs: index % 4 === 0 ? 0 : waitMs, signal })
          outcomes.granted += 1
          await lease.release()
        } catch (error) {
          outcomes[error === abort.signal.reason ? 'aborted' : 'refused'] += 1
        }
      })
      await turns(round % 13)
      abort.abort()
      await Promise.all(all)
    }
    await vi.waitFor(async () => {
      expect(await service.inspect('aborted')).toMatchObject({ used: 0, waiting: 0, available: 10 })
    }, 10_000)
    expect(outcomes.aborted).toBeGreaterThan(100)
    expect(outcomes.granted).toBeGreaterThan(500)
    expect(outcomes.granted + outcomes.aborted + outcomes.refused).toBe(2_000)
  })
})
