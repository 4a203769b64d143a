import { describe, expect, test } from 'vitest'
import { columns, comparison, heldOrder, isChosen, rowOf, type Row } from '../src/overview/arrange.js'

const row = (name: string, values: Partial<Row['semaphore']> = {}, nowMs = 0): Row => {
  const semaphore = { name, limit: 2, bounded: true, used: 0, available: 2, waiting: 0, oldestWaitMs: 0, grantsPerS: 0 }
  return rowOf({ semaphore: { ...semaphore, ...values }, atMs: 0 }, nowMs)
}
const names = (rows: readonly Row[]) => rows.map(({ semaphore }) => semaphore.name)

describe('what a row shows', () => {
  test.each([
    [{ limit: 2, used: 1, waiting: 0 }, 'free'],
    [{ limit: 2, used: 2, waiting: 0 }, 'full'],
    [{ limit: 1, used: 2, waiting: 0 }, 'full'],
    [{ limit: 0, used: 0, waiting: 0 }, 'closed'],
    [{ limit: 0, used: 1, waiting: 0 }, 'full'],
    // A big request at the head lets nobody by, though permits are free.
    [{ limit: 3, used: 1, waiting: 1 }, 'queue'],
  ] as const)('%j: %s', (values, aspect) => {
    expect(row('a', values).aspect).toBe(aspect)
  })

  test('the longest wait grows with the time, and only while somebody waits', () => {
    expect(row('a', { waiting: 1, oldestWaitMs: 1_000 }, 4_000).waitMs).toBe(5_000)
    expect(row('a', { waiting: 0, oldestWaitMs: 0 }, 4_000).waitMs).toBe(0)
  })
})

describe('the order', () => {
  const rows = [
    row('b', { used: 2 }),
    row('a', { used: 1, grantsPerS: 2 }),
    row('d', { used: 2, waiting: 3, oldestWaitMs: 5 }),
    row('c', { used: 1 }),
  ]
  test.each([
    ['signal', ['d', 'b', 'a', 'c']],
    ['use', ['b', 'd', 'a', 'c']],
    ['waiting', ['d', 'a', 'b', 'c']],
    ['wait', ['d', 'a', 'b', 'c']],
    ['grants', ['a', 'b', 'c', 'd']],
    ['name', ['d', 'c', 'b', 'a']],
  ] as const)('descending by %s, equal ones by name', (column, expected) => {
    expect(names(rows.toSorted(comparison({ column, isDescending: true })))).toEqual(expected)
  })

  test.each(columns)('by %s is one: no two rows are equal', (column) => {
    const compare = comparison({ column, isDescending: false })
    for (const one of rows) for (const other of rows) if (one !== other) expect(compare(one, other)).not.toBe(0)
  })

  test('held, rows keep their places, new ones come last, and those that are gone leave no hole', () => {
    expect(names(heldOrder([row('c'), row('a'), row('new')], ['a', 'gone', 'c']))).toEqual(['a', 'c', 'new'])
  })
})

test.each([
  ['', null, true],
  ['BILL', null, true],
  ['mail', null, false],
  ['bill', 'full', true],
  ['bill', 'free', false],
] as const)('search %j and signal %s choose it: %s', (search, aspect, expected) => {
  expect(isChosen(row('billing:a', { used: 2 }), { search, aspect })).toBe(expected)
})
