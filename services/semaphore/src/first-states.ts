import type { Engine, SemaphoreState } from '@signalbox/engine'

export interface Search {
  readonly prefix: string
  readonly semaphoresMax: number
  /** Those beyond `semaphoresMax` are counted until there are so many. */
  readonly leftMax: number
  readonly pageSize: number
  /** In a Redis that is full of other programs' keys pages are empty, and this is what ends the search. */
  readonly pagesMax: number
  /** Whether nobody is there any more to read it: then the search ends. */
  readonly isGone?: () => boolean
}

export interface FirstStates {
  readonly shown: readonly SemaphoreState[]
  readonly left: number
  /** Whether the search came to the end of all semaphores. */
  readonly isAll: boolean
}

/** The first so many semaphores that the store lists, and how many more there are. */
export async function firstStates(engine: Engine, search: Search): Promise<FirstStates> {
  const { prefix, semaphoresMax, leftMax, pageSize, pagesMax, isGone = () => false } = search
  const shown: SemaphoreState[] = []
  let left = 0
  let cursor: string | null = null
  for (let pages = 0; pages < pagesMax && left < leftMax && !isGone(); pages += 1) {
    const page: Awaited<ReturnType<Engine['semaphores']>> = await engine.semaphores({ prefix, cursor, pageSize })
    const room = Math.max(0, semaphoresMax - shown.length)
    shown.push(...page.items.slice(0, room))
    left += Math.max(0, page.items.length - room)
    cursor = page.nextCursor
    if (cursor === null) return { shown, left, isAll: true }
  }
  return { shown, left, isAll: false }
}
