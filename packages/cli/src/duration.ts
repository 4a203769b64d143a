const unitsMs = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

/** `500ms`, `90s`, `10m`, `2h`, `1d`, or `0`. Null for anything else: a bare `10` would be seconds to some and ms to others. */
export function durationMsOf(text: string): number | null {
  if (text === '0') return 0
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? []
  const unitMs = unitsMs.get(unit ?? '')
  if (digits === undefined || unitMs === undefined) return null
  return Number(digits) * unitMs
}

/** For people: `350 ms`, `41 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const s = Math.floor(ms / 1_000)
  if (s < 60) return `${s} s`
  if (s < 3_600) return pair(Math.floor(s / 60), 'min', s % 60, 's')
  if (s < 86_400) return pair(Math.floor(s / 3_600), 'h', Math.floor((s % 3_600) / 60), 'min')
  return pair(Math.floor(s / 86_400), 'd', Math.floor((s % 86_400) / 3_600), 'h')
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`
}
