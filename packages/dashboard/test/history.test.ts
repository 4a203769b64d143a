import { expect, test } from 'vitest'
import { History, historySpanMs } from '../src/live/history.js'
import { seriesOf, summaryOf } from '../src/semaphore/series.js'

const state = (used: number, waiting = 0) => ({
  name: 'a',
  limit: 5,
  bounded: true,
  used,
  available: 5 - used,
  waiting,
  oldestWaitMs: 0,
  grantsPerS: 0,
})

test('what does not change is one point, drawn on to now', () => {
  const history = new History()
  history.add(state(2), 1_000)
  history.add(state(2), 2_000)
  history.add(state(3, 1), 3_000)
  expect(seriesOf(history.points(4_000), 4_000)).toEqual({
    x: [-3, -1, 0],
    used: [2, 3, 3],
    limit: [5, 5, 5],
    waiting: [0, 1, 1],
  })
})

test('what was not seen is a gap, and what was seen before it is drawn as far as to it', () => {
  const history = new History()
  history.break(0)
  history.add(state(2), 1_000)
  history.break(2_000)
  history.break(2_500)
  history.add(state(2), 3_000)
  expect(seriesOf(history.points(4_000), 4_000)).toMatchObject({
    x: [-3, -2, -2, -1, 0],
    used: [2, 2, null, 2, 2],
  })
})

test('what is older than the span is forgotten, but for what held when it began', () => {
  const history = new History()
  for (let used = 0; used < 5; used += 1) history.add(state(used), used * 1_000)
  const nowMs = historySpanMs + 2_500
  const { x, used } = seriesOf(history.points(nowMs), nowMs)
  expect(used).toEqual([2, 3, 4, 4])
  expect(x[0]).toBe(-historySpanMs / 1_000)
  expect(history.points(nowMs * 10)).toHaveLength(1)
})

test('the sentence beside the chart says the most that was seen', () => {
  const history = new History()
  history.add(state(4, 7), 0)
  history.break(500)
  history.add(state(1), 1_000)
  expect(summaryOf(seriesOf(history.points(2_000), 2_000))).toBe('at most 4 in use and 7 waiting')
})
