import type { SemaphoreState } from '@signalbox/client'
import { isLeaseItem, isWaiterItem, type LeaseItem, type WaiterItem } from '../listings.js'
import { isRecord } from '../record.js'
import type { LiveEvent } from './events.js'

export interface LiveSemaphore extends SemaphoreState {
  readonly grantsPerS: number
}

/** What is shown of one semaphore, or of many. */
export interface Board {
  readonly semaphores: readonly LiveSemaphore[]
  readonly leases: readonly LeaseItem[]
  readonly waiters: readonly WaiterItem[]
  /** Whether there is more than is shown. */
  readonly truncated: boolean
  /** Why it may be out of date. */
  readonly trouble: string | undefined
}

export const emptyBoard: Board = { semaphores: [], leases: [], waiters: [], truncated: false, trouble: 'connecting' }

function isLiveSemaphore(item: unknown): item is LiveSemaphore {
  const numbers = ['limit', 'used', 'waiting', 'oldestWaitMs', 'grantsPerS']
  return isRecord(item) && typeof item['name'] === 'string' && numbers.every((name) => typeof item[name] === 'number')
}

function listOf<Item>(value: unknown, isItem: (item: unknown) => item is Item): Item[] {
  return Array.isArray(value) ? value.filter(isItem) : []
}

/** The board after an event; one that it does not know changes nothing. */
export function boardAfter(board: Board, { event, data }: LiveEvent): Board {
  if (!isRecord(data)) return board
  switch (event) {
    case 'snapshot': {
      const one = listOf([data['semaphore']], isLiveSemaphore)
      return {
        semaphores: sorted([...one, ...listOf(data['semaphores'], isLiveSemaphore)]),
        leases: listOf(data['leases'], isLeaseItem),
        waiters: listOf(data['waiters'], isWaiterItem),
        truncated: data['truncated'] === true,
        trouble: undefined,
      }
    }
    case 'changes': {
      const byName = new Map(board.semaphores.map((semaphore) => [semaphore.name, semaphore]))
      for (const changed of listOf(data['changed'], isLiveSemaphore)) byName.set(changed.name, changed)
      for (const name of listOf(data['removed'], (item) => typeof item === 'string')) byName.delete(name)
      return { ...board, semaphores: sorted([...byName.values()]) }
    }
    case 'removed':
      return { ...emptyBoard, trouble: 'there is no such semaphore' }
    case 'unavailable':
      return { ...board, trouble: 'the store does not answer' }
    default:
      return board
  }
}

/** Those for which somebody waits come first. */
function sorted(semaphores: readonly LiveSemaphore[]): LiveSemaphore[] {
  const byNeed = (a: LiveSemaphore, b: LiveSemaphore): number => b.waiting - a.waiting || (a.name < b.name ? -1 : 1)
  return [...semaphores].sort(byNeed)
}

/** The durations that went by since the board was told, which the service does not tell again. */
export function aged(board: Board, ms: number): Board {
  return {
    ...board,
    semaphores: board.semaphores.map((each) => ({
      ...each,
      oldestWaitMs: each.oldestWaitMs + (each.waiting > 0 ? ms : 0),
    })),
    leases: board.leases.map((each) => ({
      ...each,
      heldMs: each.heldMs + ms,
      expiresInMs: Math.max(0, each.expiresInMs - ms),
    })),
    waiters: board.waiters.map((each) => ({ ...each, waitedMs: each.waitedMs + ms })),
  }
}
