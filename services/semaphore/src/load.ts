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
 * The delay of the event loop is averaged, each sample as much as all before it: one long pause (a collection of garbage, a machine that was
 * asleep) must not turn away who came after it, and when it is over, three samples forget a delay of seven times the limit.
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
    const lateMs = Math.max(0, nowMs - this.#sampledAtMs - sampleMs)
    this.#sampledAtMs = nowMs
    this.#delayMs = (this.#delayMs + lateMs) / 2
  }
}
