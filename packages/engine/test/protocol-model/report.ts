import type { SearchResult } from './search.js'

/** What a search found, for people: each violation with its shortest trace. */
export function describe(result: SearchResult): string {
  const extent = `${result.states} states, depth ${result.depth}${result.complete ? '' : ' (cut off)'}`
  if (result.findings.length === 0) return `${extent}: no violation`
  const findings = result.findings.map(({ violation, count, trace }) =>
    [`${violation} (${count} times)`, ...trace.map((step, index) => `  ${index + 1}. ${step}`)].join('\n'),
  )
  return [extent, ...findings].join('\n')
}
