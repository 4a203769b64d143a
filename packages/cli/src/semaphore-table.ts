import type { SemaphoreState } from '@signalbox/client'
import { durationText } from './duration.js'
import type { Colour, Column } from './output.js'

type Shown = Pick<SemaphoreState, 'name' | 'limit' | 'bounded' | 'used' | 'waiting' | 'oldestWaitMs'>

function load({ used, limit, waiting }: Shown): Colour | undefined {
  if (used > limit) return 'red'
  return waiting > 0 || used === limit ? 'yellow' : undefined
}

export const semaphoreColumns: readonly Column<Shown>[] = [
  { title: 'NAME', text: ({ name }) => name },
  { title: 'USED', text: ({ used }) => String(used), colour: load, right: true },
  { title: 'LIMIT', text: ({ limit }) => String(limit), right: true },
  {
    title: 'WAITING',
    text: ({ waiting }) => String(waiting),
    colour: (row) => (row.waiting > 0 ? load(row) : undefined),
    right: true,
  },
  {
    title: 'LONGEST WAIT',
    text: ({ waiting, oldestWaitMs }) => (waiting === 0 ? '-' : durationText(oldestWaitMs)),
    right: true,
  },
  { title: 'KIND', text: ({ bounded }) => (bounded ? 'bounded' : 'counting') },
]
