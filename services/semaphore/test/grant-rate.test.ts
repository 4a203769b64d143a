import { expect, test } from 'vitest'
import { GrantRate } from '../src/live/grant-rate.js'

/** The rates after looks at these times, in seconds, with so many grants. */
function rates(...looks: [atS: number, grants: number][]): number[] {
  const rate = new GrantRate()
  return looks.map(([atS, grants]) => rate.after({ atMs: atS * 1_000, grants }))
}

test('grants are those of a second, in tenths, and none at the first look', () => {
  expect(rates([100, 7], [101, 17], [102, 17], [104, 18])).toEqual([0, 10, 5, 2.8])
})

test('only those of the last five seconds count, whatever was before', () => {
  expect(rates([0, 0], [1, 100], [5, 100], [6, 100], [7, 105], [30, 105])).toEqual([0, 100, 20, 0, 0.8, 0])
})

test('a semaphore that was made anew begins again', () => {
  expect(rates([0, 50], [1, 60], [2, 3], [3, 5])).toEqual([0, 10, 0, 2])
})
