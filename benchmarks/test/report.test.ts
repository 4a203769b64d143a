import { describe, expect, it } from 'vitest'
import { contest } from '../src/contest.js'
import { isReached } from '../src/figures.js'
import type { Cell, Figure } from '../src/figures.js'
import { isWhole, optionsOf } from '../src/options.js'
import { cellTable, figureTable, jsonReport, markdown } from '../src/report.js'
import { cellsOf } from '../src/scenarios/scenario.js'
import { quantile, sampleOf } from '../src/statistics.js'

describe('a sample', () => {
  it('is its median and its ends', () => {
    expect(sampleOf([5, 1, 3])).toEqual({ median: 3, lowest: 1, highest: 5 })
    expect(sampleOf([4, 2])).toEqual({ median: 3, lowest: 2, highest: 4 })
  })

  it('has quantiles between its values', () => {
    expect(quantile([0, 10, 20, 30], 0.9)).toBeCloseTo(27)
  })

  it('of nothing is refused', () => {
    expect(() => sampleOf([])).toThrow('No values')
  })
})

describe('a contest', () => {
  it('lets contestants take turns, and counts all rounds but the first', async () => {
    const order: string[] = []
    const contestant = (name: string) => ({ name, round: async () => order.push(name) })
    const results = await contest([contestant('a'), contestant('b')], 2)
    expect(order.join('')).toBe('ababab')
    expect(results.get('a')).toEqual([3, 5])
  })
})

describe('the report', () => {
  const missed: Figure = { id: 'http_ratio', sample: sampleOf([0.5, 0.4, 0.55]) }
  const reached: Figure = { id: 'mass_expiry_max_ms', sample: sampleOf([12.25]) }
  const cells: Cell[] = [
    { at: '64 in flight', who: 'one', metric: 'pairs/s', sample: sampleOf([12_345.6]) },
    { at: '64 in flight', who: 'one', metric: 'p50 ms', sample: sampleOf([1, 2, 4]) },
    { at: '64 in flight', who: 'another', metric: 'p50 ms', sample: sampleOf([3]) },
  ]
  const result = { name: 'some', title: 'Some scenario', figures: [missed, reached], cells, notes: ['why it is blank'] }
  const about = { date: 'a date', machine: 'a machine', node: 'v20', redis: 'redis 7', commit: 'abc1234', load: 0.5 }

  it('says what was missed', () => {
    const lines = figureTable([missed, reached]).split('\n')
    expect(lines[2]).toMatch(/^\| http_ratio .*\| 0\.5 +\| 0\.4 – 0\.55 +\| ratio \| ≥ 0\.85 \| missed \|$/)
    expect(lines[3]).toMatch(/\| 12\.3 +\| 12\.3 – 12\.3 +\| ms +\| ≤ 20 +\| +\|$/)
    expect(isReached('http_ratio', 0.85)).toBe(true)
    expect(isReached('mass_expiry_max_ms', 20.1)).toBe(false)
  })

  it('has a row for each contestant and size, and leaves blank what was not measured', () => {
    const lines = cellTable(cells).split('\n')
    expect(lines[0]).toMatch(/^\| at +\| who +\| pairs\/s \| p50 ms +\|$/)
    expect(lines[2]).toMatch(/^\| 64 in flight \| one +\| 12,346 +\| 2 \(1 – 4\) \|$/)
    expect(lines[3]).toMatch(/^\| 64 in flight \| another \| +\| 3 +\|$/)
  })

  it('has no cell for what could not be measured', () => {
    const rounds = [
      { a: 1, b: NaN },
      { a: 3, b: NaN },
    ]
    expect(cellsOf('at', 'who', rounds, ['a', 'b'])).toEqual([
      { at: 'at', who: 'who', metric: 'a', sample: { median: 2, lowest: 1, highest: 3 } },
    ])
  })

  it('names the circumstances, the scenario and what is blank', () => {
    const text = markdown([result], about)
    for (const word of ['a date', 'a machine', 'v20', 'redis 7', 'abc1234', '0.5', '## Some scenario', '- why it is']) {
      expect(text).toContain(word)
    }
  })

  it('gives programs the figures with their goals, and all cells', () => {
    expect(jsonReport([result], about, true)).toEqual({
      ...about,
      isQuick: true,
      figures: [
        { id: 'http_ratio', value: 0.5, unit: 'ratio', goal: 0.85, better: 'higher' },
        { id: 'mass_expiry_max_ms', value: 12.25, unit: 'ms', goal: 20, better: 'lower' },
      ],
      scenarios: [{ name: 'some', title: 'Some scenario', cells, notes: ['why it is blank'] }],
    })
  })
})

describe('options', () => {
  const names = ['a', 'b']

  it('take all scenarios where none is named, and only that is a whole run', () => {
    expect(optionsOf([], names)).toEqual({ only: names, isQuick: false, json: null })
    expect(isWhole(optionsOf([], names), names)).toBe(true)
    expect(isWhole(optionsOf(['--only', 'b,a'], names), names)).toBe(true)
    expect(isWhole(optionsOf(['--only', 'b'], names), names)).toBe(false)
    expect(isWhole(optionsOf(['--quick'], names), names)).toBe(false)
  })

  it('say which scenarios there are', () => {
    expect(() => optionsOf(['--only', 'a,c'], names)).toThrow('No scenario c: there are a, b.')
  })
})
