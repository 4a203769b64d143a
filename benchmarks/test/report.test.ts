import { describe, expect, it } from 'vitest'
import { svgOf } from '../src/chart.js'
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
  const result = {
    name: 'some',
    title: 'Some scenario: more',
    charted: 'p50 ms',
    figures: [missed, reached],
    cells,
    notes: ['why it is blank'],
  }
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
      scenarios: [{ name: 'some', title: 'Some scenario: more', charted: 'p50 ms', cells, notes: ['why it is blank'] }],
    })
  })
})

describe('a chart', () => {
  const bar = (who: string, value: number): Cell => ({ at: 'a & b', who, metric: 'ms', sample: sampleOf([value]) })
  const scenario = { name: 'some', title: 'Some: more', charted: 'ms', notes: [] }

  it('has a bar for each contestant, longer by its logarithm', () => {
    const svg = svgOf({ ...scenario, cells: [bar('Signalbox, HTTP', 10), bar('a peer', 1_000), bar('floor: x', 0)] })
    const widths = [...(svg ?? '').matchAll(/width="([\d.]+)" height="\d+" class="(\w+)"/g)].map(([, w, kind]) => [
      kind,
      w,
    ])
    expect(widths).toEqual([
      ['own', expect.any(String)],
      ['peer', expect.any(String)],
      ['floor', '0.0'],
    ])
    expect(Number(widths[1]?.[1])).toBeCloseTo(3 * Number(widths[0]?.[1]), 0)
    expect(svg).toContain('(logarithmic)')
    expect(svg).toContain('a &amp; b')
    expect(svg).toContain('>1,000</text>')
  })

  it('is linear where bars can be compared so', () => {
    const svg = svgOf({ ...scenario, cells: [bar('one', 10), bar('another', 40)] })
    const widths = [...(svg ?? '').matchAll(/width="([\d.]+)" height/g)].map(([, width]) => Number(width))
    expect(widths[1]).toBeCloseTo(4 * (widths[0] ?? 0), 0)
    expect(svg).not.toContain('logarithmic')
  })

  it('of nothing is none', () => {
    expect(svgOf({ ...scenario, cells: [] })).toBeNull()
    expect(svgOf({ ...scenario, charted: 'other', cells: [bar('one', 1)] })).toBeNull()
  })
})

describe('options', () => {
  const names = ['a', 'b']

  it('take all scenarios where none is named', () => {
    expect(optionsOf([], names)).toEqual({ only: names, isQuick: false, json: null })
    expect(optionsOf(['--only', 'b', '--json', 'f'], names)).toEqual({ only: ['b'], isQuick: false, json: 'f' })
  })

  it('make a whole run of all scenarios at full size, none of which failed', () => {
    const all = names.map((name) => ({ name }))
    expect(isWhole(optionsOf([], names), names, all)).toBe(true)
    expect(isWhole(optionsOf([], names), names, all.slice(1))).toBe(false)
    expect(isWhole(optionsOf(['--quick'], names), names, all)).toBe(false)
  })

  it('say which scenarios there are', () => {
    expect(() => optionsOf(['--only', 'a,c'], names)).toThrow('No scenario c: there are a, b.')
  })
})
