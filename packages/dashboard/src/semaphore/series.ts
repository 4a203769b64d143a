import { historySpanMs, type HistoryPoint } from '../live/history.js'

/** As uPlot wants it: x in seconds before now (0 is now), and a column for each line; null is a gap. */
export interface Series {
  readonly x: number[]
  readonly used: (number | null)[]
  readonly limit: (number | null)[]
  readonly waiting: (number | null)[]
}

/** A point holds until the next: so the last is drawn on to now, and the one before the span from its beginning. */
export function seriesOf(points: readonly HistoryPoint[], nowMs: number): Series {
  const series: Series = { x: [], used: [], limit: [], waiting: [] }
  const add = (atMs: number, { used, limit, waiting }: Omit<HistoryPoint, 'atMs'>) => {
    series.x.push(Math.max(-historySpanMs, atMs - nowMs) / 1_000)
    series.used.push(used)
    series.limit.push(limit)
    series.waiting.push(waiting)
  }
  let last: HistoryPoint | undefined
  for (const point of points) {
    // Into a gap nothing is drawn: a semaphore whose use did not change before it would have no past.
    if (point.used === null && last !== undefined) add(point.atMs, last)
    add(point.atMs, point)
    last = point
  }
  if (last !== undefined && nowMs > last.atMs) add(nowMs, last)
  return series
}

/** The chart in a sentence. */
export function summaryOf({ used, waiting }: Series): string {
  const most = (values: readonly (number | null)[]) => Math.max(0, ...values.map((value) => value ?? 0))
  return `at most ${most(used)} in use and ${most(waiting)} waiting`
}
