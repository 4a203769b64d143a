import type { RefObject } from 'preact'
import { columns, type Column, type Order, type Row } from './arrange.js'
import { SemaphoreRow } from './semaphore-row.js'
import { useMedia, useVisibleRange } from './use-visible-range.js'

/** As in overview.css. */
const narrow = '(max-width: 60rem)'
const rowPx = 44
const narrowRowPx = 84

const titles: Readonly<Record<Column, string>> = {
  signal: 'Signal',
  name: 'Name',
  use: 'In use',
  waiting: 'Waiting',
  wait: 'Longest wait',
  grants: 'Grants/s',
}

interface Props {
  readonly rows: readonly Row[]
  readonly body: RefObject<HTMLTableSectionElement | null>
  readonly order: Order
  readonly onOrder: (order: Order) => void
}

export function SemaphoreTable({ rows, body, order, onOrder }: Props) {
  const heightPx = useMedia(narrow) ? narrowRowPx : rowPx
  const { from, to } = useVisibleRange(body, rows.length, heightPx)
  const visible = rows.slice(from, to)
  return (
    <>
      <OrderChoice order={order} onOrder={onOrder} />
      <table class="semaphores" role="table" aria-rowcount={rows.length + 1}>
        <thead role="rowgroup">
          <tr role="row" aria-rowindex={1}>
            {columns.map((column) => (
              <Title key={column} column={column} order={order} onOrder={onOrder} />
            ))}
          </tr>
        </thead>
        <tbody ref={body} role="rowgroup">
          <Space rows={from} heightPx={heightPx} />
          {visible.map((row, index) => (
            <SemaphoreRow key={row.semaphore.name} row={row} index={from + index + 2} />
          ))}
          <Space rows={rows.length - to} heightPx={heightPx} />
        </tbody>
      </table>
    </>
  )
}

/** Stands for the rows that are not rendered. */
function Space({ rows, heightPx }: { readonly rows: number; readonly heightPx: number }) {
  if (rows <= 0) return null
  return (
    <tr class="space" role="presentation" aria-hidden="true">
      <td colSpan={columns.length} style={{ height: `${rows * heightPx}px` }} />
    </tr>
  )
}

interface TitleProps {
  readonly column: Column
  readonly order: Order
  readonly onOrder: (order: Order) => void
}

function Title({ column, order, onOrder }: TitleProps) {
  const isSorted = order.column === column
  const sort = isSorted ? (order.isDescending ? 'descending' : 'ascending') : 'none'
  return (
    <th role="columnheader" scope="col" class={`column-${column}`} aria-sort={sort}>
      <button
        type="button"
        onClick={() => onOrder({ column, isDescending: isSorted ? !order.isDescending : column !== 'name' })}
      >
        {titles[column]}
        <span class="arrow" aria-hidden="true">
          {isSorted ? (order.isDescending ? '▼' : '▲') : ''}
        </span>
      </button>
    </th>
  )
}

/** On a narrow screen, where there are no titles to press. */
function OrderChoice({ order, onOrder }: { readonly order: Order; readonly onOrder: (order: Order) => void }) {
  return (
    <label class="order">
      Sort by{' '}
      <select
        value={order.column}
        onChange={(event) => {
          const column = columns.find((one) => one === event.currentTarget.value) ?? 'signal'
          onOrder({ column, isDescending: column !== 'name' })
        }}
      >
        {columns.map((column) => (
          <option key={column} value={column}>
            {titles[column]}
          </option>
        ))}
      </select>
    </label>
  )
}
