/** Which of what a replica has too much of. */
export type Excess = 'event_loop_delay' | 'store_calls'

export interface LoadSettings {
  readonly eventLoopDelayMsMax: number
  readonly storeCallsMax: number
}

const sampleMs = 50

/**
 * Whether this replica has more to do than it can, before that makes everything slow: a backlog that is let in is worked off by nobody, for
 * its callers have given up meanwhile and sent it again.
 *
 * The delay of the event loop is averaged, each sample as much as all before it, and none counts for more than twice the limit. So one pause,
 * however long (a collection of garbage, a process that was stopped), turns nobody away who came after it; two in a row do.
 */
export class Load {
  readonly #settings: LoadSettings
  readonly #storeCalls: () => number
  readonly #timer: NodeJS.Timeout
  #sampledAtMs = performance.now()
  #delayMs = 0

  constructor(settings: LoadSettings, storeCalls: () => number) {
    this.#settings = settings
    this.#storeCalls = storeCalls
    this.#timer = setInterval(() => this.#sample(), sampleMs)
    this.#timer.unref()
  }

  /** What there is too much of just now; null: nothing. */
  get excess(): Excess | null {
    if (this.#storeCalls() >= this.#settings.storeCallsMax) return 'store_calls'
    return this.#delayMs > this.#settings.eventLoopDelayMsMax ? 'event_loop_delay' : null
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #sample(): void {
    const nowMs = performance.now()
    const lateMs = Math.min(Math.max(0, nowMs - this.#sampledAtMs - sampleMs), 2 * this.#settings.eventLoopDelayMsMax)
    this.#sampledAtMs = nowMs
    this.#delayMs = (this.#delayMs + lateMs) / 2
  }
}
