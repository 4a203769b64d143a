import type { Clock } from './clock.js'

/** One timer for one point in time, which may be moved. However long the time is, and however early a timer fires, it does not ring before it. */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #dueAtMs = Infinity
  #cancel: (() => void) | null = null

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Infinity: not set. */
  get dueAtMs(): number {
    return this.#dueAtMs
  }

  setFor(dueAtMs: number): void {
    this.clear()
    if (dueAtMs === Infinity) return
    this.#dueAtMs = dueAtMs
    this.#wait()
  }

  clear(): void {
    this.#cancel?.()
    this.#cancel = null
    this.#dueAtMs = Infinity
  }

  #wait(): void {
    this.#cancel = this.#clock.setTimeout(() => {
      if (this.#clock.now() < this.#dueAtMs) {
        this.#wait()
        return
      }
      this.clear()
      this.#ring()
    }, this.#dueAtMs - this.#clock.now())
  }
}
