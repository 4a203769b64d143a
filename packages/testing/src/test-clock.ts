import type { Clock } from '@signalbox/client'

interface Timer {
  readonly atMs: number
  readonly run: () => void
}

/** Time that stands still until a test moves it: one for the store, the waiting room and the clients, so that they never disagree. */
export class TestClock implements Clock {
  readonly #rest: () => Promise<void>
  /** In the order in which they were set. */
  readonly #timers = new Set<Timer>()
  #nowMs = 0
  #moved: Promise<void> = Promise.resolve()

  /** `rest` resolves when nothing is left to do but what waits for time. */
  constructor(rest: () => Promise<void>) {
    this.#rest = rest
  }

  now(): number {
    return this.#nowMs
  }

  setTimeout(run: () => void, delayMs: number): () => void {
    const timer = { atMs: this.#nowMs + Math.max(delayMs, 0), run }
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
    }
  }

  /** Timer by timer, each only when all that the one before has set going is at rest. Calls run one after the other. */
  async advance(ms: number): Promise<void> {
    if (typeof ms !== 'number' || !(ms >= 0 && ms < Infinity)) {
      throw new RangeError(`Time moves by 0 or more ms, not by ${String(ms)} (${typeof ms}).`)
    }
    const moving = this.#moved.then(() => this.#advance(ms))
    this.#moved = moving.catch(() => undefined)
    await moving
  }

  async #advance(ms: number): Promise<void> {
    await this.#rest()
    const untilMs = this.#nowMs + ms
    for (let next = this.#next(untilMs); next !== null; next = this.#next(untilMs)) {
      this.#timers.delete(next)
      this.#nowMs = next.atMs
      next.run()
      await this.#rest()
    }
    this.#nowMs = untilMs
  }

  #next(untilMs: number): Timer | null {
    let next: Timer | null = null
    for (const timer of this.#timers) {
      if (timer.atMs <= untilMs && (next === null || timer.atMs < next.atMs)) next = timer
    }
    return next
  }
}
