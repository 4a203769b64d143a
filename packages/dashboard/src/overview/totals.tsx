import { durationText, rateText } from '../durations.js'
import type { Row } from './arrange.js'

/** The sums over all semaphores. `isPartial`: there are more than these. */
export function Totals({ rows, isPartial }: { readonly rows: readonly Row[]; readonly isPartial: boolean }) {
  const counted = (count: number) => (isPartial ? `${count}+` : String(count))
  let used = 0
  let waiting = 0
  let grantsPerS = 0
  let longest: Row | null = null
  for (const row of rows) {
    used += row.semaphore.used
    waiting += row.semaphore.waiting
    grantsPerS += row.semaphore.grantsPerS
    if (row.waitMs > (longest?.waitMs ?? 0)) longest = row
  }
  return (
    <dl class="totals">
      <Total name="Semaphores" value={counted(rows.length)} />
      <Total name="Permits in use" value={counted(used)} />
      <Total name="Waiting" value={counted(waiting)} />
      <Total name="Longest wait" value={longest === null ? '–' : durationText(longest.waitMs)} />
      <Total name="Grants per second" value={rateText(grantsPerS)} />
    </dl>
  )
}

export function Total({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}
