import { expect, test } from 'vitest'
import { readOptions } from '../src/options.js'

test('a run is asked for by minutes and seed', () => {
  expect(readOptions(['--minutes', '60', '--seed', '7'])).toMatchObject({ minutes: 60, seed: 7, firstRound: 1 })
  expect(readOptions(['--help'])).toBeNull()
})

test.each([
  [['--minutes', 'five'], /--minutes is "five"; it may be a number from/],
  [['--seed', '1.5'], /--seed is "1.5"; it may be a whole number/],
  [['--seed', ''], /--seed is ""/],
  [['--minuets', '5'], /--minuets/],
  [['5'], /5/],
])('%j is refused with a sentence', (args, sentence) => {
  expect(() => readOptions(args)).toThrow(sentence)
})
