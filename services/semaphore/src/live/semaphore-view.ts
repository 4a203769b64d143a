import type { Engine } from '@signalbox/engine'
import type { LeaseItem, LiveSemaphore, WaiterItem } from '@signalbox/protocol'
import { leaseItemOf, waiterItemOf } from '../routes/listings.js'
import { semaphoreBody } from '../routes/semaphore-calls.js'
import { eventText } from './event-stream.js'
import { GrantRate } from './grant-rate.js'
import type { View } from './view.js'

interface Found {
  readonly semaphore: LiveSemaphore
  readonly leases: readonly LeaseItem[]
  readonly waiters: readonly WaiterItem[]
  readonly truncated: boolean
}

export interface Target {
  readonly name: string
  /** Most leases, and most waiters, to be shown. */
  readonly pageSize: number
}

/** One semaphore, with who holds and who waits. */
export class SemaphoreView implements View {
  readonly #engine: Engine
  readonly #target: Target
  #rate = new GrantRate()
  #found: Found | null = null
  #text = ''

  constructor(engine: Engine, target: Target) {
    this.#engine = engine
    this.#target = target
  }

  async look(): Promise<string | null> {
    this.#found = await this.#read()
    const text = this.#found === null ? '' : lastingTextOf(this.#found)
    if (text === this.#text) return null
    this.#text = text
    return this.snapshot()
  }

  snapshot(): string {
    if (this.#found === null) return eventText('removed', { name: this.#target.name })
    return eventText('snapshot', this.#found)
  }

  async #read(): Promise<Found | null> {
    const { name: semaphore, pageSize } = this.#target
    const page = { semaphore, cursor: null, pageSize }
    const [inspected, leases, waiters] = await Promise.all([
      this.#engine.inspect({ semaphore }),
      this.#engine.leases(page),
      this.#engine.waiters(page),
    ])
    if (inspected.kind !== 'state' || leases.kind !== 'page' || waiters.kind !== 'page') {
      this.#rate = new GrantRate()
      return null
    }
    const { state } = inspected
    const grantsPerS = this.#rate.after({ atMs: performance.now(), grants: state.grants })
    return {
      semaphore: { ...semaphoreBody(state), grantsPerS },
      leases: leases.items.map(leaseItemOf),
      waiters: waiters.items.map(waiterItemOf),
      truncated: leases.nextCursor !== null || waiters.nextCursor !== null,
    }
  }
}

/** Without the durations that pass by themselves: `grantedAt`, `expiresAt` and `since` say the same. */
function lastingTextOf({ semaphore, leases, waiters, truncated }: Found): string {
  return JSON.stringify([
    semaphore,
    leases.map(({ fence, expiresAt }) => [fence, expiresAt]),
    waiters.map(({ since, position, permits, holder }) => [since, position, permits, holder]),
    truncated,
  ])
}
