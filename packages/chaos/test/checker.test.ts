import { describe, expect, test } from 'vitest'
import { asked, brokenIn, granted, historyOf, lease, sample, waiter } from './history-of.js'

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

  test('a limit that was set, grown and lowered between two samples allows what it allowed, and no more', () => {
    const held = lease('a', 1, 10, 900, 4)
    const changes = [asked(60, 'configure', { limit: 6 }), asked(70, 'add-permits', { permits: 1 })]
    const after = (permits: number) => sample(100, { limit: 4, leases: [held, lease('b', 2, 80, 900, permits)] })
    const before = sample(50, { limit: 4, leases: [held] })
    expect(brokenIn(historyOf(before, ...changes, after(3)))).toEqual([])
    expect(brokenIn(historyOf(before, ...changes, after(4)))).toEqual([
      'I1 8 permits are on live leases and the limit is 4',
    ])
  })

  test('a limit that was lowered before it was first seen allows what its creator said, and no more', () => {
    const early = [asked(5, 'acquire', { limit: 4 }), asked(15, 'configure', { limit: 0 })]
    const first = (permits: number) => sample(50, { limit: 0, leases: [lease('a', 1, 10, 900, permits)] })
    expect(brokenIn(historyOf(...early, first(4)))).toEqual([])
    expect(brokenIn(historyOf(...early, first(5)))).toEqual(['I1 5 permits are on live leases and the limit is 0'])
  })

  test('who would create a semaphore that is there allows nothing', () => {
    const second = asked(60, 'acquire', { limit: 4 })
    const after = sample(100, { limit: 1, leases: [lease('a', 1, 80, 900, 4)] })
    expect(brokenIn(historyOf(sample(50, { limit: 1 }), second, after))).toEqual([
      'I1 4 permits are on live leases and the limit is 1',
    ])
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

describe('I4, I7 and I10', () => {
  test('an id that is granted a second lease beside its first is found', () => {
    const once = granted(10, 20, 'a', 1)
    expect(brokenIn(historyOf(sample(1, { limit: 9 }), ...once, ...granted(100, 110, 'a', 1)))).toEqual([])
    expect(brokenIn(historyOf(sample(1, { limit: 9 }), ...once, ...granted(100, 110, 'a', 2)))).toEqual([
      'I4 the id that held fence 1 was granted 2 beside it',
    ])
  })

  test('a deadline that comes closer is found', () => {
    const first = sample(100, { leases: [lease('a', 1, 10, 900)] })
    expect(brokenIn(historyOf(first, sample(150, { leases: [lease('a', 1, 10, 950)] })))).toEqual([])
    expect(brokenIn(historyOf(first, sample(150, { leases: [lease('a', 1, 10, 850)] })))).toEqual([
      'I7 the deadline of the lease with fence 1 came 50 ms closer',
    ])
  })

  test('a lease that lasts longer than anybody asked for is found', () => {
    const history = historyOf(...granted(10, 20, 'a', 1, 500), sample(100, { leases: [lease('a', 1, 15, 1_515)] }))
    expect(brokenIn(history)).toEqual([
      'I7 the lease with fence 1 has 1415 ms left, and nobody asked for more than 500',
    ])
  })

  test('waiters whose process was killed leave at once', () => {
    const acquire = { kind: 'request' as const, at: 10, request: 'x', operation: 'acquire' as const, semaphore: 's' }
    const queue = { leases: [lease('h', 1, 10, 9_000)], waiters: [waiter('a', 1)] }
    const killed = { kind: 'fault' as const, at: 100, target: 'caller', phase: 'begins' as const }
    const history = (fault: 'client-killed' | 'client-held') =>
      historyOf(
        { ...acquire, leaseId: 'a' },
        { ...killed, at: 90, fault },
        { ...killed, fault: 'client-killed' },
        sample(200, queue),
        sample(4_000, queue),
      )
    expect(brokenIn(history('client-killed'))).toEqual(
      expect.arrayContaining(['I10 1 waiters of caller are in the queue 3900 ms after it was killed']),
    )
    const told = { kind: 'reply' as const, at: 50, request: 'x', status: 429, code: 'STILL_WAITING', leaseId: 'a' }
    const heldUp = [{ ...acquire, leaseId: 'a' }, told, { ...killed, fault: 'client-killed' as const }]
    // Its place is kept for the grace, and no longer.
    const unread = [
      { ...acquire, leaseId: 'a', inBatch: true },
      { ...killed, fault: 'client-killed' as const },
    ]
    expect(brokenIn(historyOf(...unread, sample(4_000, queue))).filter((text) => text.startsWith('I10'))).toEqual([])
    const toldLater = [
      { ...acquire, leaseId: 'a', inBatch: true },
      { ...acquire, at: 8_000, request: 'y', leaseId: 'a' },
      { ...told, at: 9_000, request: 'y' },
      { ...killed, at: 9_100, fault: 'client-killed' as const },
    ]
    expect(brokenIn(historyOf(...toldLater, sample(17_000, queue))).filter((text) => text.startsWith('I10'))).toEqual(
      [],
    )
    const within = brokenIn(historyOf(...heldUp, sample(200, queue), sample(10_000, queue)))
    expect(within.filter((text) => text.startsWith('I10'))).toEqual([])
    expect(brokenIn(historyOf(...heldUp, sample(200, queue), sample(12_000, queue)))).toEqual(
      expect.arrayContaining(['I10 1 waiters of caller are in the queue 11900 ms after it was killed']),
    )
    // Nobody can know that it is dead behind a connection that swallows everything.
    expect(brokenIn(history('client-held'))).toEqual([])
  })
})
