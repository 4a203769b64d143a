import { describe, expect, test } from 'vitest'
import { durationMsOf, durationText } from '../src/duration.js'
import { ordinal } from '../src/run/wait.js'

describe('a duration', () => {
  test.each([
    ['0', 0],
    ['0s', 0],
    ['500ms', 500],
    ['90s', 90_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
  ])('%s is %i ms', (text, ms) => expect(durationMsOf(text)).toBe(ms))

  test.each([
    '',
    '10',
    '1.5h',
    '-1s',
    '+1s',
    '1 s',
    '1h30m',
    '1S',
    's',
    '1e3s',
    '10s ',
    '１s',
    '9999999999s',
    'Infinity',
  ])('%j is none', (text) => expect(durationMsOf(text)).toBeNull())

  test.each([
    [350, '350 ms'],
    [41_999, '41 s'],
    [200_000, '3 min 20 s'],
    [600_000, '10 min'],
    [7_500_000, '2 h 5 min'],
    [273_600_000, '3 d 4 h'],
  ])('of %i ms is told as %s', (ms, text) => expect(durationText(ms)).toBe(text))
})

test('places in a queue are told as ordinals', () => {
  expect([1, 2, 3, 4, 11, 12, 13, 21, 22, 103, 111].map(ordinal).join(' ')).toBe(
    '1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 103rd 111th',
  )
})
