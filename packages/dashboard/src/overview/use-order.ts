import type { RefObject } from 'preact'
import { useRef } from 'preact/hooks'
import { comparison, heldOrder, type Order, type Row } from './arrange.js'

/**
 * The rows in order; but while somebody points at one of them, or is at one with the keyboard, all keep the places they had, until
 * something else is asked for. Looked at each time they are shown, once a second: nothing then has to tell when it is over.
 * @param asked what the rows were chosen by
 */
export function useOrder(
  rows: readonly Row[],
  order: Order,
  asked: string,
  body: RefObject<HTMLElement | null>,
): Row[] {
  const shown = useRef<{ asked: string; names: readonly string[] }>({ asked: '', names: [] })
  const all = `${asked} ${order.column} ${order.isDescending}`
  const isHeld = shown.current.asked === all && isWatched(body.current)
  const ordered = isHeld ? heldOrder(rows, shown.current.names) : rows.toSorted(comparison(order))
  shown.current = { asked: all, names: ordered.map(({ semaphore }) => semaphore.name) }
  return ordered
}

/** A finger points at nothing, but leaves `:hover` where it was last. */
function isWatched(body: HTMLElement | null): boolean {
  if (body === null) return false
  return body.contains(document.activeElement) || (matchMedia('(hover: hover)').matches && body.matches(':hover'))
}
