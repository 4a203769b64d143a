import { describe, expect, it } from 'vitest'
import { describe as inWords } from './report.js'
import { variants } from './rules.js'
import type { Scenario, Variant } from './rules.js'
import { search } from './search.js'
import type { Fault } from './state.js'
import type { Violation } from './violations.js'

/*
 * Every interleaving of two callers of one semaphore of limit 1 at two replicas, each caller with two attempts, each fault once. What the
 * model leaves out: time as such (a deadline is an event), permits other than 1, resizing, deletion, data loss. The limits of what it
 * shows are those of its size: `npm run model -w packages/engine -- --help` searches further.
 */

const statesMax = 400_000
const slow = { timeout: 60_000 }

const unread: Violation = 'I2: an orphan lease whose 200 nobody read, which comes back with its ttl only'
const untold: Violation = 'I2: an orphan lease that nobody was told of, which comes back with its ttl only'

/** As curl: one attempt, and nothing after it. */
const once = { manners: 'plain', attempts: 1 } as const

function scenario(variant: Variant, faults: readonly Fault[], others: Partial<Scenario> = {}): Scenario {
  const standard = { callers: 2, limit: 1, attempts: 2, faultsMax: 1, manners: 'retires', hidesCloses: false } as const
  return { ...standard, ...others, rules: variants[variant], faults }
}

/** The violations that a whole search finds; with their traces when there are others than expected. */
function expectOnly(expected: readonly Violation[], searched: Scenario): void {
  const result = search(searched, { statesMax })
  const found = result.findings.map(({ violation }) => violation)
  expect(found.sort(), inWords(result)).toEqual([...expected].sort())
  expect(result.complete, `cut off at ${result.states} states`).toBe(true)
}

function expectFound(violation: Violation, searched: Scenario): void {
  const result = search(searched, { statesMax, until: violation })
  expect(
    result.findings.map((finding) => finding.violation),
    inWords(result),
  ).toContain(violation)
}

describe('the final rules', () => {
  const harmless: readonly (readonly Fault[])[] = [
    ['timeout'],
    ['timeout', 'abort'],
    ['timeout', 'pause'],
    ['timeout', 'crash', 'lose'],
    ['timeout', 'cap', 'leave'],
    ['timeout', 'cap', 'late'],
    ['timeout', 'wait-over', 'late'],
    ['timeout', 'wait-over', 'abort'],
    ['timeout', 'cancel', 'lose'],
    ['timeout', 'impatient', 'lose'],
    ['timeout', 'lost-reply'],
    ['timeout', 'stray'],
  ]
  it.each(harmless.map((faults) => [faults.join(' + '), faults] as const))('break nothing: %s', slow, (_, faults) => {
    expectOnly([], scenario('final', faults))
  })

  it('break nothing where closes stay hidden', () => {
    expectOnly([], scenario('final', ['timeout', 'abort'], { hidesCloses: true }))
  })

  it('leave a lease to its ttl only where it expired and an old attempt of its caller made it anew', slow, () => {
    expectOnly([unread], scenario('final', ['timeout', 'expire']))
  })
})

describe('a caller that closes and says no more', () => {
  it.each([
    [['abort', 'cap']],
    [['abort', 'late']],
    [['abort', 'wait-over']],
    [['abort', 'cap', 'lose', 'expire']],
  ] as const)('leaves no lease behind but one whose 200 was under way: %j', (faults) => {
    expectOnly([unread], scenario('final', faults, once))
  })

  it('that was told still_waiting, and does not come back, leaves nothing behind', () => {
    expectOnly([], scenario('final', ['cap', 'leave'], once))
  })
})

describe('simpler rules', () => {
  it.each<[Variant, Violation, Fault[]]>([
    ['close by id', 'I1: an old request gave back a lease that its caller holds', ['timeout']],
    ['close by id', 'I3: an old request took a caller that waits off the queue', ['timeout']],
    ['close by id', 'I8: a caller waits that the store does not know', ['timeout', 'pause']],
    ['last attempt owns', 'I1: an old request gave back a lease that its caller holds', ['timeout']],
    ['last attempt owns', 'I3: an old request took a caller that waits off the queue', ['timeout']],
    ['creator owns until repeated', 'I1: an old request gave back a lease that its caller holds', ['timeout']],
    ['creator owns until repeated', 'I3: an old request took a caller that waits off the queue', ['timeout']],
    ['set of replicas', 'I1: an old request gave back a lease that its caller holds', ['timeout']],
    ['set of replicas', 'I3: an old request took a caller that waits off the queue', ['timeout']],
    ['no re-run', 'I8: a caller waits that the store does not know', ['timeout', 'pause']],
    ['no check of the fence', 'I13: a lease that is gone is reported as held', ['timeout', 'expire']],
    ['no check of the fence', 'I1: an old request gave back a lease that its caller holds', ['timeout', 'pause']],
    ['no retire', unread, ['timeout']],
    ['no retire', unread, ['timeout', 'abort']],
    ['old notices believed', 'I13: a lease that is gone is reported as held', ['timeout', 'expire']],
    [
      'wait over times out',
      'I8: a caller was told that it waited in vain, and its id is held',
      ['timeout', 'wait-over'],
    ],
  ])('%s: %s', slow, (variant, violation, faults) => {
    expectFound(violation, scenario(variant, faults))
  })

  it('repeat always clears: a request that asks again and closes leaves its lease to the ttl', () => {
    expectFound(untold, scenario('repeat always clears', ['abort', 'cap'], once))
  })

  it('cancelled ends nothing: a late notice leaves a waiter without a caller', () => {
    const orphan: Violation = 'I10: an orphan waiter, which will be granted and then cost its ttl'
    const faults = ['timeout', 'abort', 'impatient'] as const
    expectFound(orphan, scenario('cancelled ends nothing', faults, { manners: 'plain' }))
  })
})
