import type { Engine, SemaphoreState } from '@signalbox/engine'
import type { LiveSemaphore } from '@signalbox/protocol'
import { firstStates } from '../first-states.js'
import { semaphoreBody } from '../routes/semaphore-calls.js'
import { eventText } from './event-stream.js'
import { GrantRate } from './grant-rate.js'
import type { View } from './view.js'

/** So few at a time that the calls of callers are never far behind in the way to Redis. */
const pageSize = 100

/** Beside the pages that are full, as many as a scrape looks at. */
const sparePages = 20

interface Followed {
  readonly rate: GrantRate
  readonly shown: LiveSemaphore
  readonly text: string
}

export interface Range {
  /** The names that begin with it; null: none. */
  readonly prefix: string | null
  readonly semaphoresMax: number
}

/** The semaphores whose names begin with a prefix, the first so many of them. */
export class SemaphoresView implements View {
  readonly #engine: Engine
  readonly #range: Range
  #followed: ReadonlyMap<string, Followed> = new Map()
  #isTruncated = false

  constructor(engine: Engine, range: Range) {
    this.#engine = engine
    this.#range = range
  }

  async look(): Promise<string | null> {
    const { states, isTruncated } = await this.#read()
    const atMs = performance.now()
    const before = this.#followed
    const wasTruncated = this.#isTruncated
    const now = new Map(states.map((state) => [state.name, follow(state, atMs, before.get(state.name)?.rate)]))
    this.#followed = now
    this.#isTruncated = isTruncated
    if (isTruncated !== wasTruncated) return this.snapshot()
    const changed = [...now.values()].filter(({ shown, text }) => before.get(shown.name)?.text !== text)
    const removed = [...before.keys()].filter((name) => !now.has(name))
    if (changed.length === 0 && removed.length === 0) return null
    return eventText('changes', { changed: changed.map(({ shown }) => shown), removed })
  }

  snapshot(): string {
    const semaphores = [...this.#followed.values()].map(({ shown }) => shown)
    return eventText('snapshot', { semaphores, truncated: this.#isTruncated })
  }

  async #read(): Promise<{ states: readonly SemaphoreState[]; isTruncated: boolean }> {
    const { prefix, semaphoresMax } = this.#range
    if (prefix === null) return { states: [], isTruncated: false }
    const pagesMax = Math.ceil(semaphoresMax / pageSize) + sparePages
    const { shown, isAll, left } = await firstStates(this.#engine, {
      prefix,
      semaphoresMax,
      leftMax: 1,
      pageSize,
      pagesMax,
    })
    return { states: shown, isTruncated: !isAll || left > 0 }
  }
}

function follow(state: SemaphoreState, atMs: number, rate = new GrantRate()): Followed {
  const shown = { ...semaphoreBody(state), grantsPerS: rate.after({ atMs, grants: state.grants }) }
  return { rate, shown, text: JSON.stringify(shown) }
}
