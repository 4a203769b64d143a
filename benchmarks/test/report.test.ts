import { describe, expect, it } from 'vitest'
import { contest } from '../src/contest.js'
import { figure, isReached } from '../src/figures.js'
import { figureReport, markdown, table } from '../src/report.js'
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
  const missed = figure('http_ratio', sampleOf([0.5, 0.4, 0.55]))
  const reached = figure('handoff_engine_p50_ms', sampleOf([0.25]))
  const peer = { id: null, what: 'the same', who: 'a peer', unit: '1/s', sample: sampleOf([12_345.6]) }

  it('says what was missed', () => {
    const lines = table([missed, reached, peer]).split('\n')
    expect(lines[2]).toMatch(/Signalbox \| 0\.5 +\| 0\.4 – 0\.55 +\| ratio \| ≥ 0\.6 \(missed\) \|$/)
    expect(lines[3]).toMatch(/\| 0\.25 +\| 0\.25 – 0\.25 +\| ms +\| ≤ 1 +\|$/)
    expect(lines[4]).toContain('| 12,346 ')
    expect(isReached('http_ratio', 0.6)).toBe(true)
  })

  it('names the circumstances', () => {
    const about = { date: 'a date', machine: 'a machine', node: 'v20', redis: 'redis 7', commit: 'abc1234', load: 0.5 }
    const text = markdown([missed], about)
    for (const word of ['a date', 'a machine', 'v20', 'redis 7', 'abc1234', '0.5']) expect(text).toContain(word)
  })

  it('gives programs the figures that have a goal', () => {
    expect(figureReport([missed, peer, reached])).toEqual({
      figures: [
        { id: 'http_ratio', value: 0.5, unit: 'ratio', goal: 0.6, better: 'higher' },
        { id: 'handoff_engine_p50_ms', value: 0.25, unit: 'ms', goal: 1, better: 'lower' },
      ],
    })
  })
})
