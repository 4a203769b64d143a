import { describe, expect, test } from 'vitest'
import { createMemoryStore } from '../src/memory/memory-store.js'
import { type Notice, StoreUnavailableError } from '../src/store.js'
import { Desk, startUs } from './memory-desk.js'

describe('the clock', () => {
  test('held means now < deadline, to the millisecond', async () => {
    const desk = new Desk()
    await desk.held({ leaseId: 'a', ttlMs: 5 })
    desk.pass(4.999)
    expect((await desk.acquire()).kind).toBe('busy')
    desk.pass(0.001)
    expect((await desk.acquire()).kind).toBe('granted')
  })

  test('a step back lets no fence fall, not even where the semaphore was removed meanwhile', async () => {
    const desk = new Desk()
    const first = await desk.held({ leaseId: 'a' })
    expect(first.fence).toBe(startUs)
    desk.pass(-60_000)
    await desk.release('a')
    const second = await desk.held({ leaseId: 'b' })
    expect(second.fence).toBe(startUs + 1)
    await desk.store.remove({ semaphore: 's', force: true })
    expect((await desk.held()).fence).toBe(startUs + 2)
  })

  test('nor does a second step back, after the clock had passed the fence', async () => {
    const desk = new Desk()
    expect((await desk.held()).fence).toBe(startUs)
    desk.pass(-60_000)
    await desk.store.remove({ semaphore: 's', force: true })
    desk.pass(60_001)
    desk.pass(-60_000)
    expect((await desk.held()).fence).toBe(startUs + 1)
  })

  test('the default one does not follow the wall clock', async () => {
    const store = createMemoryStore()
    const before = performance.timeOrigin + performance.now()
    const call = { semaphore: 's', permits: 1, ttlMs: 1_000, enqueue: false, holder: '', create: null }
    await store.configure({ semaphore: 's', limit: 1, bounded: null })
    const reply = await store.acquire({ ...call, leaseId: 'a', attachment: { replica: 'r', number: 1 } })
    if (reply.kind !== 'granted') throw new Error(reply.kind)
    expect(Math.abs(reply.lease.grantedAtMs - before)).toBeLessThan(1_000)
    await store.close()
  })
})

describe('notices', () => {
  test('come in the order told, after the command that told them', async () => {
    const desk = new Desk()
    await desk.listen()
    await desk.held({ leaseId: 'a', create: { limit: 2, bounded: true, onConflict: 'keep' }, permits: 2 })
    await desk.acquire({ leaseId: 'b', enqueue: true })
    await desk.acquire({ leaseId: 'c', enqueue: true, ttlMs: 10 })
    const releasing = desk.release('a')
    expect(desk.told).toEqual([])
    await releasing
    await Promise.resolve()
    expect(desk.told.map((notice) => (notice.kind === 'granted' ? notice.leaseId : notice.kind))).toEqual(['b', 'c'])
  })

  test('reach only the replica they are for, and nobody who stopped listening', async () => {
    const desk = new Desk()
    const heard: string[] = []
    const stop = await desk.store.listen('r1', () => heard.push('r1'))
    await desk.store.listen('r2', () => heard.push('r2'))
    const queue = (leaseId: string, replica: string) => {
      return desk.acquire({ leaseId, enqueue: true, attachment: { replica, number: 1 } })
    }
    await desk.held({ leaseId: 'a' })
    await queue('b', 'r1')
    await queue('c', 'r2')
    await desk.release('a')
    await stop()
    await desk.release('b')
    await desk.release('c')
    await queue('d', 'r1')
    await Promise.resolve()
    expect(heard).toEqual(['r1', 'r2'])
  })

  test('tell all replicas with waiters when a nearer deadline comes up', async () => {
    const desk = new Desk({ graceMs: 60_000 })
    await desk.listen()
    await desk.held({ leaseId: 'a', ttlMs: 50_000 })
    await desk.acquire({ leaseId: 'b', enqueue: true, ttlMs: 700, attachment: { replica: 'other', number: 1 } })
    await desk.acquire({ leaseId: 'c', enqueue: true })
    await desk.release('a')
    await Promise.resolve()
    expect(desk.told).toEqual([{ kind: 'deadline', semaphore: 's', inMs: 700 }])
  })
})

describe('what is over is forgotten', () => {
  test('an unconfigured semaphore after its idle time, counted from its last deadline; a look at it does not count', async () => {
    const desk = new Desk({ idleMs: 10_000 })
    await desk.held({ ttlMs: 3_000 })
    desk.pass(12_999)
    expect(await desk.exists()).toBe(true)
    desk.pass(1)
    expect(await desk.exists()).toBe(false)
    expect(desk.store.size).toBe(0)
  })

  test('without anybody asking for it, whenever anything else is asked', async () => {
    const desk = new Desk({ idleMs: 10_000 })
    for (let index = 0; index < 100; index += 1) await desk.held({ semaphore: `s${index}` })
    await desk.acquire({ semaphore: 's0', enqueue: true, attachment: { replica: 'dead', number: 1 } })
    expect(desk.store.size).toBe(100)
    desk.pass(100_000)
    // A few with each command; twice, since a lease or a waiter that was over had still to be met.
    for (let index = 0; index < 200; index += 1) {
      desk.pass(1_000)
      await desk.store.inspect({ semaphore: 'another' })
    }
    expect(desk.store.size).toBe(0)
  })

  test('retired ids after a minute, request ids after ten', async () => {
    const desk = new Desk()
    await desk.store.configure({ semaphore: 's', limit: 1, bounded: false })
    await desk.release('a', true)
    await desk.store.addPermits({ semaphore: 's', permits: 1, requestId: 'q', limitMax: 9 })
    desk.pass(59_999)
    expect((await desk.acquire({ leaseId: 'a', create: null })).kind).toBe('wait_cancelled')
    desk.pass(1)
    expect((await desk.acquire({ leaseId: 'a', create: null })).kind).toBe('granted')
    desk.pass(539_999)
    await desk.store.addPermits({ semaphore: 's', permits: 1, requestId: 'q', limitMax: 9 })
    expect(await desk.store.inspect({ semaphore: 's' })).toMatchObject({ state: { limit: 2 } })
    desk.pass(1)
    await desk.store.addPermits({ semaphore: 's', permits: 1, requestId: 'q', limitMax: 9 })
    expect(await desk.store.inspect({ semaphore: 's' })).toMatchObject({ state: { limit: 3 } })
  })

  test('replicas that died, while others keep the queue alive', async () => {
    const desk = new Desk({ graceMs: 1_000 })
    await desk.listen()
    await desk.held({ leaseId: 'a', ttlMs: 1_000_000 })
    await desk.acquire({ leaseId: 'b', enqueue: true })
    const heard: Notice[] = []
    await desk.store.listen('gone', (notice) => heard.push(notice))
    await desk.acquire({ leaseId: 'c', enqueue: true, attachment: { replica: 'gone', number: 1 } })
    for (let beats = 0; beats < 5; beats += 1) {
      desk.pass(500)
      await desk.store.heartbeat({ semaphore: 's', replica: 'r', open: [] })
    }
    await desk.store.remove({ semaphore: 's', force: true })
    await Promise.resolve()
    expect(desk.told).toEqual([{ kind: 'check', semaphore: 's' }])
    expect(heard).toEqual([])
  })

  test('released leases at once, however often they were renewed', async () => {
    const desk = new Desk({ idleMs: 1_000 })
    await desk.store.configure({ semaphore: 's', limit: 1_000, bounded: null })
    for (let index = 0; index < 1_000; index += 1) {
      await desk.held({ leaseId: `a${index}`, ttlMs: 86_400_000 })
      await desk.store.renew({ semaphore: 's', leaseId: `a${index}`, ttlMs: 86_400_000 })
      await desk.release(`a${index}`)
    }
    await desk.store.remove({ semaphore: 's', force: false })
    // A thousand grants in one µs took the fence a thousand µs ahead of the clock: it is remembered as long as the semaphore would have been.
    desk.pass(1_001)
    expect(desk.store.size).toBe(0)
  })
})

describe('a closed store', () => {
  test('answers nothing, and tells nobody', async () => {
    const desk = new Desk()
    await desk.listen()
    await desk.held({ leaseId: 'a' })
    await desk.acquire({ enqueue: true })
    await desk.release('a')
    await desk.store.close()
    await expect(desk.acquire()).rejects.toThrow(StoreUnavailableError)
    await expect(desk.store.ping()).rejects.toThrow(StoreUnavailableError)
  })
})
