import { goals, isReached } from './figures.js'
import type { Row } from './figures.js'
import type { Circumstances } from './machine.js'

const columns = ['what', 'who', 'median', 'lowest – highest', 'unit', 'goal'] as const

function cells({ id, what, who, unit, sample }: Row): string[] {
  const goal = id === null ? '' : goals[id]
  const aim = goal === '' ? '' : `${goal.better === 'higher' ? '≥' : '≤'} ${goal.goal}`
  const verdict = id === null || isReached(id, sample.median) ? '' : ' (missed)'
  return [what, who, digits(sample.median), `${digits(sample.lowest)} – ${digits(sample.highest)}`, unit, aim + verdict]
}

/** Three digits that count; whole numbers from 100 on. */
function digits(value: number): string {
  if (value >= 100) return value.toLocaleString('en', { maximumFractionDigits: 0 })
  return value === 0 ? '0' : String(Number(value.toPrecision(3)))
}

/** A Markdown table that is one to the eye as well. */
export function table(rows: readonly Row[]): string {
  const lines = [[...columns], ...rows.map(cells)]
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const drawn = lines.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`)
  drawn.splice(1, 0, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`)
  return drawn.join('\n')
}

export function markdown(rows: readonly Row[], { date, machine, node, redis, commit, load }: Circumstances): string {
  return `# Results

Written by \`npm run bench\`. Service, Redis, load generator and peers share one machine and its loopback; contestants take turns, the
first round only warms up, and the median and the spread are those of the rounds after it. Read ratios, not absolute figures.

- ${date}, commit ${commit}
- ${machine}; load average before the run: ${digits(load)}
- Node ${node}, ${redis}

${table(rows)}
`
}

export interface FigureReport {
  readonly figures: readonly { id: string; value: number; unit: string; goal: number; better: 'higher' | 'lower' }[]
}

/** The rows with a goal, for programs. */
export function figureReport(rows: readonly Row[]): FigureReport {
  return {
    figures: rows.flatMap(({ id, sample }) => {
      if (id === null) return []
      const { unit, goal, better } = goals[id]
      return [{ id, value: sample.median, unit, goal, better }]
    }),
  }
}
