import { describe, expect, test } from 'vitest'
import { answered, asked, brokenIn, granted, historyOf, lease, sample, waiter } from './history-of.js'

describe('I8', () => {
  test('a head that fits and was not granted is found at once', () => {
    const history = historyOf(sample(100, { limit: 2, leases: [lease('h', 1, 10, 5_000)], waiters: [waiter('a', 1)] }))
    expect(brokenIn(history)).toEqual(['I8 the head of the queue wants 1, 1 of 2 are used, and it was not granted'])
  })

  test('room that time makes is given away within seconds, unless the replicas are away', () => {
    const leases = [lease('h', 1, 10, 500)]
    const at = [400, 600, 3_000, 6_000]
    const samples = at.map((time) => sample(time, { leases, waiters: [waiter('a', 1)] }))
    expect(brokenIn(historyOf(...samples))).toEqual([
      'I8 for 5400 ms the head of the queue has fitted beside the leases that are not over',
    ])
    const away = { kind: 'fault' as const, fault: 'store-held' as const, target: 'replica-1', phase: 'begins' as const }
    expect(brokenIn(historyOf({ ...away, at: 450 }, ...samples))).toEqual([])
  })

  const wait = {
    kind: 'wait' as const,
    at: 100,
    call: 'c',
    act: 'acquire',
    semaphore: 's',
    permits: 1,
    waitMs: 500,
    abortAfterMs: null,
  }
  const over = (at: number) => ({ kind: 'wait-over' as const, at, call: 'c', outcome: 'ACQUIRE_TIMEOUT' })

  test('a wait that ends in time is well, and one that does not is found', () => {
    expect(brokenIn(historyOf(wait, over(700)))).toEqual([])
    expect(brokenIn(historyOf(wait, over(14_000)))).toEqual([
      'I8 acquire by caller was to end after 500 ms, and took 13900 ms (ACQUIRE_TIMEOUT)',
    ])
    expect(brokenIn(historyOf(wait))).toEqual(['I8 acquire by caller never ended, in 0 ms'])
  })

  test('a waiter that learns of its grant late is found, where nothing was broken', () => {
    const [request, reply] = granted(10, 3_000, 'a', 2, 5_000, 2_990)
    const queue = sample(100, { leases: [lease('h', 1, 5, 9_000)], waiters: [waiter('a', 1)] })
    const times = Array.from({ length: 10 }, (_, index) => 300 + 300 * index)
    const held = times.map((at) => sample(at, { leases: [lease('a', 2, 250, 9_000)] }))
    const late = historyOf(...(request && reply ? [request, reply] : []), queue, ...held)
    expect(brokenIn(late).filter((text) => text.startsWith('I8'))).toEqual([
      'I8 caller was told of its lease with fence 2 2700 ms after the store had it',
    ])
    const cut = { kind: 'fault' as const, at: 200, fault: 'store-cut' as const, target: 'r', phase: 'begins' as const }
    const excused = historyOf(...(request && reply ? [request, reply] : []), queue, cut, ...held)
    expect(brokenIn(excused).filter((text) => text.startsWith('I8'))).toEqual([])
  })

  test('a process that was stopped is given that time; one that was killed waits no more', () => {
    const stopped = { kind: 'fault' as const, fault: 'client-stopped' as const, target: 'caller' }
    const stop = [
      { ...stopped, at: 200, phase: 'begins' as const },
      { ...stopped, at: 10_200, phase: 'ends' as const },
    ]
    expect(brokenIn(historyOf(wait, ...stop, over(14_000)))).toEqual([])
    const killed = { kind: 'fault' as const, fault: 'client-killed' as const, target: 'caller' }
    expect(brokenIn(historyOf(wait, { ...killed, at: 300, phase: 'begins' }))).toEqual([])
  })
})

describe('I11 and I13', () => {
  const believes = { kind: 'believes' as const, semaphore: 's', fence: 1 }
  const held = sample(50, { leases: [lease('a', 1, 10, 500)] })
  const gone = sample(600, { fence: 1 })

  test('to believe in a lease that the store has is well', () => {
    expect(brokenIn(historyOf(held, { ...believes, at: 60 }, gone))).toEqual([])
  })

  test('to believe in one that a sample before did not have is found', () => {
    expect(brokenIn(historyOf(held, gone, { ...believes, at: 700 }))).toEqual([
      'I11 caller believed to hold the lease with fence 1, which the store had no longer',
    ])
  })

  test('an operator may have taken it back', () => {
    expect(brokenIn(historyOf(held, asked(100, 'revoke', { fence: 1 }), gone, { ...believes, at: 700 }))).toEqual([])
  })

  test('a lease that was over before it was asked for is not handed out', () => {
    expect(brokenIn(historyOf(held, gone, ...granted(700, 710, 'a', 1)))).toEqual([
      'I13 an acquire was told of the lease with fence 1, which had been over before it was sent',
    ])
  })
})

describe('I12', () => {
  test.each([
    [503, 'STORE_UNAVAILABLE', true],
    [410, 'LEASE_NOT_HELD', true],
    [500, 'INTERNAL', false],
    [404, 'SEMAPHORE_NOT_FOUND', false],
    [429, 'QUEUE_FULL', false],
  ])('a release answered %i %s: %s', (status, code, isWell) => {
    const release = asked(10, 'release', { leaseId: 'a' })
    const broken = brokenIn(historyOf(release, answered(20, status, code, release)))
    expect(broken).toEqual(isWell ? [] : [`I12 release was answered ${status} ${code}`])
  })

  test('a process that complains, or ends by itself, is found', () => {
    const history = historyOf({ kind: 'mishap', at: 10, process: 'replica-1', text: 'ended by itself: 1' })
    expect(brokenIn(history)).toEqual(['alive replica-1: ended by itself: 1'])
  })
})
