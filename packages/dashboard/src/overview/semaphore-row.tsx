import { durationText, rateText } from '../durations.js'
import { Lamp } from '../lamp.js'
import { hrefOf } from '../place.js'
import { UseBar } from '../use-bar.js'
import type { Row } from './arrange.js'

export function SemaphoreRow({ row, index }: { readonly row: Row; readonly index: number }) {
  const { semaphore, aspect, waitMs } = row
  const { name, used, limit, waiting, grantsPerS } = semaphore
  return (
    <tr role="row" aria-rowindex={index}>
      <td role="cell" class="column-signal">
        <Lamp aspect={aspect} />
      </td>
      <th role="rowheader" scope="row" class="column-name">
        <a href={hrefOf(name)} title={name}>
          {name}
        </a>
      </th>
      <td role="cell" class="column-use">
        <div class="use">
          <UseBar used={used} limit={limit} aspect={aspect} />
          <span class="figure">
            {used}
            <span class="of"> of {limit}</span>
          </span>
        </div>
      </td>
      <td role="cell" class={`column-waiting${waiting === 0 ? ' none' : ''}`}>
        {waiting}
        <span class="unit"> waiting</span>
      </td>
      <td role="cell" class={`column-wait${waiting === 0 ? ' none' : ''}`}>
        {waiting === 0 ? '–' : durationText(waitMs)}
      </td>
      <td role="cell" class={`column-grants${grantsPerS === 0 ? ' none' : ''}`}>
        {rateText(grantsPerS)}
        <span class="unit"> grants/s</span>
      </td>
    </tr>
  )
}
