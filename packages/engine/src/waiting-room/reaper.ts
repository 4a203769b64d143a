import type { NearestInMs, Store } from '../store.js'
import { Alarm } from './alarm.js'
import { backoffMs } from './backoff.js'
import type { Clock } from './clock.js'

export interface ReaperOptions {
  readonly store: Pick<Store, 'reap'>
  readonly clock: Clock
  readonly semaphore: string
  /** Longest pause after a reap that failed; the heartbeat, which reaps too, comes as often. */
  readonly pauseMsMax: number
}

/**
 * Asks the store to look at one semaphore when its nearest deadline has passed, so that the queue moves though nobody calls. A deadline is
 * only ever moved closer by what is told: a reap that comes too early answers with the right time and does no harm, one that
 * comes too late leaves a free permit beside a waiter. At most one is under way.
 */
export class Reaper {
  readonly #options: ReaperOptions
  readonly #alarm: Alarm
  #isReaping = false
  #rangMeanwhile = false
  #isStopped = false
  #failures = 0
  #notBeforeMs = 0
  /** Counts what was told, so that a reply knows whether it is the last word. */
  #told = 0

  constructor(options: ReaperOptions) {
    this.#options = options
    this.#alarm = new Alarm(options.clock, () => void this.#reap())
  }

  /** To be noted before a command is sent whose reply goes to `answered`. */
  get told(): number {
    return this.#told
  }

  /** `askedAtMs`: when the command was sent that answered this. Its reply may be late; the deadline is not. */
  tell(nearestInMs: NearestInMs, askedAtMs: number): void {
    this.#told += 1
    if (nearestInMs === null || this.#isStopped) return
    // The store counts whole ms: one more, and the deadline has passed there.
    const dueAtMs = Math.max(askedAtMs + nearestInMs + 1, this.#notBeforeMs)
    if (dueAtMs < this.#alarm.dueAtMs) this.#alarm.setFor(dueAtMs)
  }

  /** The reply of a heartbeat: replaces what was known, unless something was told since it was sent. */
  answered(nearestInMs: NearestInMs, askedAtMs: number, toldBefore: number): void {
    this.#notBeforeMs = 0
    if (toldBefore === this.#told) this.#alarm.clear()
    this.tell(nearestInMs, askedAtMs)
  }

  stop(): void {
    this.#isStopped = true
    this.#alarm.clear()
  }

  async #reap(): Promise<void> {
    if (this.#isReaping) {
      this.#rangMeanwhile = true
      return
    }
    const { store, clock, semaphore, pauseMsMax } = this.#options
    const askedAtMs = clock.now()
    this.#isReaping = true
    try {
      const { nearestInMs } = await store.reap({ semaphore })
      this.#failures = 0
      this.#notBeforeMs = 0
      this.tell(nearestInMs, askedAtMs)
    } catch {
      this.#failures += 1
      this.#notBeforeMs = clock.now() + backoffMs(this.#failures, pauseMsMax)
      this.tell(0, askedAtMs)
    }
    this.#isReaping = false
    this.#makeUp(askedAtMs)
  }

  /** For a deadline that passed while a reap was under way, which may have looked before that. */
  #makeUp(askedAtMs: number): void {
    if (this.#rangMeanwhile) this.tell(0, askedAtMs)
    this.#rangMeanwhile = false
  }
}
