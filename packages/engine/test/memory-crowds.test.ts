import { describe, expect, test } from 'vitest'
import { Desk } from './memory-desk.js'

describe('much at once', () => {
  test('20,000 leases that end together free their permits at once, and are taken out in batches', async () => {
    const desk = new Desk()
    await desk.store.configure({ semaphore: 's', limit: 20_000, bounded: null })
    for (let index = 0; index < 20_000; index += 1) await desk.held({ leaseId: `a${index}` })
    desk.pass(1_000)
    const whole = await desk.held({ permits: 20_000, ttlMs: 9_000 })
    expect(whole.permits).toBe(20_000)
    expect(desk.expired).toBe(1_000)
    for (let left = 18; left > 0; left -= 1)
      expect(await desk.store.reap({ semaphore: 's' })).toEqual({ nearestInMs: 0 })
    expect(await desk.store.reap({ semaphore: 's' })).toEqual({ nearestInMs: 9_000 })
    expect(desk.expired).toBe(20_000)
    expect(await desk.store.inspect({ semaphore: 's' })).toMatchObject({ state: { used: 20_000 } })
  })

  test('where the leases that live are too many to add up, the rest is taken out before it is said that nothing is free', async () => {
    const desk = new Desk({ batchMax: 2 })
    await desk.store.configure({ semaphore: 's', limit: 9, bounded: null })
    for (const leaseId of ['a', 'b', 'c', 'd', 'e']) await desk.held({ leaseId, ttlMs: 999 })
    await desk.held({ permits: 2, ttlMs: 2_000 })
    await desk.held({ ttlMs: 2_000 })
    await desk.held({ ttlMs: 2_000 })
    desk.pass(1_000)
    expect((await desk.acquire({ permits: 5 })).kind).toBe('granted')
    expect(desk.expired).toBe(5)
  })

  test('one transition grants at most a batch; the rest is due at once', async () => {
    const desk = new Desk({ batchMax: 10 })
    await desk.store.configure({ semaphore: 's', limit: 0, bounded: null })
    for (let index = 0; index < 25; index += 1) await desk.acquire({ enqueue: true })
    const resized = await desk.store.configure({ semaphore: 's', limit: 30, bounded: null })
    expect(resized.state).toMatchObject({ used: 10, waiting: 15 })
    expect(await desk.store.reap({ semaphore: 's' })).toEqual({ nearestInMs: 0 })
    expect(await desk.store.inspect({ semaphore: 's' })).toMatchObject({ state: { used: 25, waiting: 0 } })
  })

  test('an id whose own lease is over, but behind the batch, counts once', async () => {
    const desk = new Desk({ batchMax: 2 })
    await desk.store.configure({ semaphore: 's', limit: 9, bounded: null })
    for (const leaseId of ['a', 'b', 'c', 'd']) await desk.held({ leaseId })
    desk.pass(1_000)
    await desk.held({ leaseId: 'd' })
    expect(await desk.store.inspect({ semaphore: 's' })).toMatchObject({ state: { used: 1 } })
    await desk.release('d')
    expect((await desk.acquire({ permits: 9 })).kind).toBe('granted')
  })

  test('a lease that is over is not held, though the batch did not reach it', async () => {
    const desk = new Desk({ batchMax: 1 })
    await desk.store.configure({ semaphore: 's', limit: 9, bounded: null })
    for (const leaseId of ['a', 'b', 'c', 'd', 'e']) await desk.held({ leaseId })
    desk.pass(1_000)
    expect((await desk.release('e')).kind).toBe('lease_not_held')
    expect((await desk.store.renew({ semaphore: 's', leaseId: 'e', ttlMs: 1_000 })).kind).toBe('lease_not_held')
    const attachment = { replica: 'r', number: 5 }
    expect(await desk.store.end({ semaphore: 's', leaseId: 'e', attachment, unlessHeld: true })).toEqual({
      kind: 'not_attached',
    })
  })

  test('10,000 waiters come, come again, and go, in time that does not grow with their number squared', async () => {
    const desk = new Desk()
    await desk.held({ leaseId: 'head', ttlMs: 1_000_000 })
    const positionOf = async (leaseId: string): Promise<number> => {
      const reply = await desk.acquire({ leaseId, enqueue: true })
      return reply.kind === 'queued' ? reply.position : 0
    }
    const ids = Array.from({ length: 10_000 }, (_, index) => `w${index}`)
    const startedAtMs = performance.now()
    for (const [index, leaseId] of ids.entries()) {
      if ((await positionOf(leaseId)) !== index + 1) throw new Error(`${leaseId} is not at ${index + 1}`)
    }
    expect((await desk.acquire({ enqueue: true })).kind).toBe('queue_full')
    for (const [index, leaseId] of ids.entries()) {
      if ((await positionOf(leaseId)) !== index + 1) throw new Error(`${leaseId} lost its place`)
    }
    await desk.release('head')
    for (const leaseId of ids) {
      if ((await desk.release(leaseId)).kind !== 'released') throw new Error(`${leaseId} was not granted`)
    }
    // 30,000 commands of some 5 µs on a quiet machine; a walk over the queue in each would be 300 million steps.
    expect(performance.now() - startedAtMs).toBeLessThan(10_000)
  })
})
