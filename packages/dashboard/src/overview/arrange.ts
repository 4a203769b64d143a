import { aspectOf, aspects, type Aspect } from '../aspect.js'
import type { Seen } from '../live/overview-feed.js'

export const columns = ['signal', 'name', 'use', 'waiting', 'wait', 'grants'] as const
export type Column = (typeof columns)[number]

export interface Order {
  readonly column: Column
  readonly isDescending: boolean
}

export interface Row extends Seen {
  readonly aspect: Aspect
  /** How long the first in the queue has waited by now; 0: nobody waits. */
  readonly waitMs: number
}

/** The row as it is now: while somebody waits the wait grows, whether or not the service says so each second. */
export function rowOf(seen: Seen, nowMs: number): Row {
  const { waiting, oldestWaitMs } = seen.semaphore
  const waitMs = waiting === 0 ? 0 : oldestWaitMs + Math.max(0, nowMs - seen.atMs)
  return { ...seen, aspect: aspectOf(seen.semaphore), waitMs }
}

export interface Choice {
  /** Part of a name, in any case. */
  readonly search: string
  /** Null: whatever they show. */
  readonly aspect: Aspect | null
}

export function isChosen(row: Row, { search, aspect }: Choice): boolean {
  if (aspect !== null && row.aspect !== aspect) return false
  return row.semaphore.name.toLowerCase().includes(search.toLowerCase())
}

/** Those that are equal by the column are in the order of their names, so that they do not change places for nothing. */
export function comparison({ column, isDescending }: Order): (one: Row, other: Row) => number {
  const sign = isDescending ? -1 : 1
  const valueOf = values[column]
  return (one, other) => {
    const difference = column === 'name' ? 0 : valueOf(one) - valueOf(other)
    if (difference !== 0) return sign * difference
    const byName = one.semaphore.name < other.semaphore.name ? -1 : 1
    return column === 'name' ? sign * byName : byName
  }
}

const values: Readonly<Record<Column, (row: Row) => number>> = {
  // The worst is the greatest.
  signal: ({ aspect }) => aspects.length - aspects.indexOf(aspect),
  name: () => 0,
  use: ({ semaphore: { used, limit } }) => (limit === 0 ? (used > 0 ? Infinity : 0) : used / limit),
  waiting: ({ semaphore }) => semaphore.waiting,
  wait: ({ waitMs }) => waitMs,
  grants: ({ semaphore }) => semaphore.grantsPerS,
}

/**
 * The rows in the order that somebody is just looking at: those of before stay where they were, new ones come last. A row must not
 * slip away from under a pointer or the focus.
 */
export function heldOrder(rows: readonly Row[], before: readonly string[]): Row[] {
  const byName = new Map(rows.map((row) => [row.semaphore.name, row]))
  const kept = before.flatMap((name) => byName.get(name) ?? [])
  const known = new Set(before)
  return [...kept, ...rows.filter((row) => !known.has(row.semaphore.name))]
}
