import { describe, expect, test } from 'vitest'
import { answered, asked, brokenIn, granted, historyOf, lease, sample, waiter } from './history-of.js'

describe('I1', () => {
  test('as many permits on live leases as the limit says are well', () => {
    const leases = [lease('a', 1, 10, 900), lease('b', 2, 20, 900)]
    expect(brokenIn(historyOf(sample(100, { limit: 2, leases })))).toEqual([])
  })

  test('one more is found', () => {
    const leases = [lease('a', 1, 10, 900), lease('b', 2, 20, 900)]
    expect(brokenIn(historyOf(sample(100, { limit: 1, leases })))).toEqual([
      'I1 2 permits are on live leases and the limit is 1',
    ])
  })

  test('a lease past its deadline counts no more, though no script has ended it', () => {
    const leases = [lease('a', 1, 10, 50), lease('b', 2, 60, 900)]
    expect(brokenIn(historyOf(sample(100, { limit: 1, leases })))).toEqual([])
  })

  test('a limit that was lowered revokes nothing', () => {
    const leases = [lease('a', 1, 10, 900), lease('b', 2, 20, 900)]
    const before = sample(50, { limit: 2, leases })
    expect(brokenIn(historyOf(before, sample(100, { limit: 1, leases })))).toEqual([])
  })

  test('a grant after the limit was lowered is found', () => {
    const first = [lease('a', 1, 10, 900)]
    const second = [...first, lease('b', 2, 80, 900)]
    const history = historyOf(
      sample(5, { limit: 2 }),
      sample(50, { limit: 1, leases: first }),
      sample(100, { limit: 1, leases: second }),
    )
    expect(brokenIn(history)).toEqual(['I1 2 permits are on live leases and the limit is 1'])
  })

  test('two callers who hold at once by what they were told are found without any sample of it', () => {
    const history = historyOf(sample(1), ...granted(10, 20, 'a', 1), ...granted(500, 510, 'b', 2))
    expect(brokenIn(history)).toEqual([
      'I1 2 permits were held for certain by replies, and the limit was never above 1',
    ])
  })

  test.each([
    ['its release was sent', asked(400, 'release', { leaseId: 'a' })],
    ['it was revoked', asked(400, 'revoke', { fence: 1 })],
  ])('a lease is not certain any more when %s', (_, ending) => {
    const history = historyOf(sample(1), ...granted(10, 20, 'a', 1), ending, ...granted(500, 510, 'b', 2))
    expect(brokenIn(history)).toEqual([])
  })

  test('nor when its ttl has passed since it was asked for', () => {
    const history = historyOf(sample(1), ...granted(10, 20, 'a', 1, 300), ...granted(500, 510, 'b', 2))
    expect(brokenIn(history)).toEqual([])
  })
})

describe('I2 and I15', () => {
  test('a count that is not that of the leases is found', () => {
    const history = historyOf(sample(100, { limit: 3, used: 2, leases: [lease('a', 1, 10, 900)] }))
    expect(brokenIn(history)).toEqual(['I15 2 permits are counted as used, and the leases have 1'])
  })

  const emptied = {
    kind: 'emptied' as const,
    at: 100,
    semaphore: 's',
    limit: 3,
    used: 0,
    waiting: 0,
    wholeLimit: true,
    residue: [],
  }

  test('an empty semaphore whose whole limit can be acquired is well', () => {
    expect(brokenIn(historyOf(emptied))).toEqual([])
  })

  test.each([
    ['a permit in use', { used: 1 }],
    ['somebody in the queue', { waiting: 1 }],
    ['a limit that cannot be acquired', { wholeLimit: false }],
    ['keys', { residue: ['signalbox:{s}:leases'] }],
  ])('%s after everybody has gone is found', (_, left) => {
    expect(brokenIn(historyOf({ ...emptied, ...left }))).toEqual([expect.stringMatching(/^I2 /)])
  })
})

describe('I3', () => {
  const holder = lease('h', 1, 10, 5_000)
  const before = sample(100, { leases: [holder], waiters: [waiter('a', 1), waiter('b', 2)] })

  test('the head is granted', () => {
    const after = sample(150, { leases: [lease('a', 2, 120, 5_000)], waiters: [waiter('b', 2)] })
    expect(brokenIn(historyOf(before, after))).toEqual([])
  })

  test('one who is granted before those ahead is found', () => {
    const after = sample(150, { leases: [lease('b', 2, 120, 5_000)], waiters: [waiter('a', 1)] })
    expect(brokenIn(historyOf(before, after))).toEqual([
      'I3 the lease with fence 2 was number 2 and was granted before number 1, who waited all the while',
    ])
  })

  test('a newcomer who overtakes the queue is found', () => {
    const after = sample(150, { leases: [lease('n', 2, 120, 5_000)], waiters: before.waiters })
    expect(brokenIn(historyOf(before, after))).toEqual([
      'I3 the lease with fence 2 had not even queued and was granted before number 1, who waited all the while',
    ])
  })

  test('who left and came back has a new place', () => {
    const after = sample(150, { leases: [lease('b', 2, 120, 5_000)], waiters: [waiter('a', 3)] })
    expect(brokenIn(historyOf(before, after))).toEqual([])
  })

  test('two granted between two samples in the wrong order are found by their fences', () => {
    const attempts = ['a', 'b'].map((leaseId) => ({
      kind: 'request' as const,
      at: 50,
      request: leaseId,
      operation: 'acquire' as const,
      semaphore: 's',
      leaseId,
    }))
    const queue = sample(100, { limit: 2, leases: [lease('h', 1, 10, 5_000, 2)], waiters: before.waiters })
    const after = (fences: readonly [number, number]) =>
      sample(150, { limit: 2, leases: [lease('a', fences[0], 120, 5_000), lease('b', fences[1], 120, 5_000)] })
    expect(brokenIn(historyOf(...attempts, queue, after([2, 3])))).toEqual([])
    expect(brokenIn(historyOf(...attempts, queue, after([3, 2])))).toEqual([
      'I3 number 2 was granted fence 2, before number 1, who got 3',
    ])
  })
})

describe('I5', () => {
  test('a fence given to two leases is found', () => {
    const first = sample(100, { leases: [lease('a', 5, 10, 5_000)] })
    const second = sample(150, { leases: [lease('b', 5, 120, 5_000)] })
    expect(brokenIn(historyOf(first, second))).toEqual([
      'I5 a lease was granted fence 5 after 5 had been given out',
      'I5 fence 5 was given to two leases',
    ])
  })

  test('a fence below one that had been told is found by replies alone', () => {
    const history = historyOf(...granted(10, 20, 'a', 5, 10), ...granted(500, 510, 'b', 4, 10))
    expect(brokenIn(history)).toEqual(['I5 a lease first asked for after fence 5 had been told was granted 4'])
  })

  test('a register that takes a stale write is found', () => {
    const access = { kind: 'access' as const, semaphore: 's', accepted: true }
    const history = historyOf({ ...access, at: 10, fence: 5 }, { ...access, at: 20, fence: 4 })
    expect(brokenIn(history)).toEqual(['I5 the register took a write with fence 4 after one with 5'])
    const refused = historyOf({ ...access, at: 10, fence: 5 }, { ...access, at: 20, fence: 4, accepted: false })
    expect(brokenIn(refused)).toEqual([])
  })
})

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
