import { mkdirSync, writeFileSync } from 'node:fs'
import { digits } from './report.js'
import type { Report, Result } from './report.js'

const width = 760
const labelWidth = 260
const valueWidth = 90
const barHeight = 14
const rowHeight = 20
const headHeight = 30

/**
 * Bars of the one metric that is charted, by size and contestant; readable on light and dark ground: text takes the reader's colours, bars
 * have contrast with both. Logarithmic where contestants lie factors of a thousand apart. Null when nothing was measured.
 */
export function svgOf({ title, charted, cells }: Omit<Result, 'figures'>): string | null {
  const meant = cells.filter(({ metric }) => metric === charted)
  const positive = meant.map(({ sample }) => sample.median).filter((value) => value > 0)
  if (positive.length === 0) return null
  const [least, most] = [Math.min(...positive), Math.max(...positive)]
  const isLinear = most < 20 * least
  // From a tenth of the least on, so that it has a bar as well.
  const shareOf = (value: number): number => Math.log10((10 * value) / least) / Math.log10((10 * most) / least)
  const lengthOf = (value: number): number => {
    return value > 0 ? (isLinear ? value / most : shareOf(value)) * (width - labelWidth - valueWidth) : 0
  }
  const lines: string[] = []
  let y = headHeight
  for (const at of new Set(meant.map((cell) => cell.at))) {
    lines.push(text(0, y + 18, at, 'group'))
    y += rowHeight + 6
    for (const { who, sample } of meant.filter((cell) => cell.at === at)) {
      const length = lengthOf(sample.median)
      lines.push(
        text(12, y + 11, who, 'label'),
        `<rect x="${labelWidth}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" class="${kindOf(who)}"/>`,
        text(labelWidth + length + 6, y + 11, digits(sample.median), 'label'),
      )
      y += rowHeight
    }
  }
  const height = y + 8
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}">
<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 14px }
.group { font-weight: 600 }
.own { fill: #2f81f7 }
.peer { fill: #8b949e }
.floor { fill: #d29922 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
</style>
${text(0, 16, `${title.split(':')[0] ?? title}: ${charted}${isLinear ? '' : ' (logarithmic)'}`, 'title')}
${lines.join('\n')}
</svg>
`
}

function kindOf(who: string): 'own' | 'floor' | 'peer' {
  if (who.startsWith('Signalbox')) return 'own'
  return who.startsWith('floor') ? 'floor' : 'peer'
}

function text(x: number, y: number, content: string, kind: string): string {
  return `<text x="${x.toFixed(1)}" y="${y}" class="${kind}">${escape(content)}</text>`
}

function escape(content: string): string {
  return content.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}

/** A file for each scenario that has something to show. */
export function drawCharts({ scenarios }: Report, folder: URL): void {
  mkdirSync(folder, { recursive: true })
  for (const scenario of scenarios) {
    const svg = svgOf(scenario)
    if (svg !== null) writeFileSync(new URL(`${scenario.name}.svg`, folder), svg)
  }
}
