import { goals, isReached } from './figures.js'
import type { Cell, Figure, Findings } from './figures.js'
import type { Circumstances } from './machine.js'
import type { Sample } from './statistics.js'

/** A scenario that was run. */
export interface Result extends Findings {
  readonly name: string
  readonly title: string
  /** The metric that its chart shows. */
  readonly charted: string
}

/** Three digits that count; whole numbers from 100 on. */
export function digits(value: number): string {
  if (Math.abs(value) >= 100) return value.toLocaleString('en', { maximumFractionDigits: 0 })
  return value === 0 ? '0' : String(Number(value.toPrecision(3)))
}

function spread({ lowest, highest }: Sample): string {
  return `${digits(lowest)} – ${digits(highest)}`
}

function textOf(sample: Sample): string {
  return sample.lowest === sample.highest ? digits(sample.median) : `${digits(sample.median)} (${spread(sample)})`
}

/** A Markdown table that is one to the eye as well. */
function table(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const drawn = lines.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`)
  drawn.splice(1, 0, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`)
  return drawn.join('\n')
}

export function figureTable(figures: readonly Figure[]): string {
  const lines = figures.map(({ id, sample }) => {
    const { says, unit, goal, better } = goals[id]
    const aim = `${better === 'higher' ? '≥' : '≤'} ${goal}`
    return [id, says, digits(sample.median), spread(sample), unit, aim, isReached(id, sample.median) ? '' : 'missed']
  })
  return table([['figure', 'what', 'median', 'lowest – highest', 'unit', 'goal', ''], ...lines])
}

/** A row for each size and contestant, a column for each thing that was measured. */
export function cellTable(cells: readonly Cell[]): string {
  const metrics = [...new Set(cells.map(({ metric }) => metric))]
  const rows = new Map<string, string[]>()
  for (const { at, who, metric, sample } of cells) {
    const row = rows.get(`${at}\n${who}`) ?? [at, who, ...metrics.map(() => '')]
    row[2 + metrics.indexOf(metric)] = textOf(sample)
    rows.set(`${at}\n${who}`, row)
  }
  return table([['at', 'who', ...metrics], ...rows.values()])
}

export function textOfResult({ title, cells, notes }: Result, chart = ''): string {
  const parts = [`## ${title}`, chart, cellTable(cells), notes.map((note) => `- ${note}`).join('\n')]
  return parts.filter(Boolean).join('\n\n')
}

export function markdown(results: readonly Result[], about: Circumstances): string {
  const { date, machine, node, redis, commit, load } = about
  const figures = results.flatMap((result) => result.figures)
  return `# Results

Written by \`npm run bench\`. Service, Redis, load and peers share one machine and its loopback; contestants take turns, the first round
only warms up, and a value is the median of the rounds after it, with the lowest and the highest. Read ratios, not absolute figures.

- ${date}, commit ${commit}
- ${machine}; load average before the run: ${digits(load)}
- Node ${node}, ${redis}

${figureTable(figures)}

${results.map((result) => textOfResult(result, `![${result.charted}](charts/${result.name}.svg)`)).join('\n\n')}
`
}

export interface Report extends Circumstances {
  readonly isQuick: boolean
  readonly figures: readonly { id: string; value: number; unit: string; goal: number; better: 'higher' | 'lower' }[]
  readonly scenarios: readonly Omit<Result, 'figures'>[]
}

/** For programs. */
export function jsonReport(results: readonly Result[], about: Circumstances, isQuick: boolean): Report {
  return {
    ...about,
    isQuick,
    figures: results.flatMap(({ figures }) =>
      figures.map(({ id, sample }) => {
        const { unit, goal, better } = goals[id]
        return { id, value: sample.median, unit, goal, better }
      }),
    ),
    scenarios: results.map(({ name, title, charted, cells, notes }) => ({ name, title, charted, cells, notes })),
  }
}
