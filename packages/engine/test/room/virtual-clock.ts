import type { Clock } from '../../src/waiting-room/clock.js'

interface Timer {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

/** Time that passes only when a test says so. Between two moments everything that was set going comes to rest. */
export class VirtualClock implements Clock {
  #nowMs = 0
  #order = 0
  readonly #timers = new Set<Timer>()
  readonly #work = new Set<Promise<void>>()

  now(): number {
    return this.#nowMs
  }

  setTimeout(run: () => void, delayMs: number): () => void {
    this.#order += 1
    const timer = { atMs: this.#nowMs + Math.max(delayMs, 0), order: this.#order, run }
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
    }
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size
  }

  after(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.setTimeout(resolve, delayMs))
  }

  /** No time passes before this is done. */
  waitFor(work: Promise<void>): void {
    this.#work.add(work)
    void work.finally(() => this.#work.delete(work))
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await this.#rest()
    for (let next = this.#next(untilMs); next !== null; next = this.#next(untilMs)) {
      this.#timers.delete(next)
      this.#nowMs = next.atMs
      next.run()
      await this.#rest()
    }
    this.#nowMs = untilMs
    await this.#rest()
  }

  async #rest(): Promise<void> {
    do {
      await Promise.all(this.#work)
      await settled()
    } while (this.#work.size > 0)
  }

  #next(untilMs: number): Timer | null {
    let next: Timer | null = null
    for (const timer of this.#timers) {
      if (timer.atMs > untilMs) continue
      if (next === null || timer.atMs < next.atMs || (timer.atMs === next.atMs && timer.order < next.order))
        next = timer
    }
    return next
  }
}

/** Until no promise has anything left to do: the in-memory store answers in microtasks, and batches in immediates. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** One replica's view of the common time. While it is stalled its timers do not run, as in a process whose event loop is blocked. */
export class ReplicaClock implements Clock {
  readonly #common: VirtualClock
  #held: (() => void)[] | null = null

  constructor(common: VirtualClock) {
    this.#common = common
  }

  now(): number {
    return this.#common.now()
  }

  setTimeout(run: () => void, delayMs: number): () => void {
    let isCancelled = false
    const cancel = this.#common.setTimeout(() => {
      this.whenRunning(() => {
        if (!isCancelled) run()
      })
    }, delayMs)
    return () => {
      isCancelled = true
      cancel()
    }
  }

  /** Now, or as soon as the stall is over. */
  whenRunning(run: () => void): void {
    if (this.#held === null) run()
    else this.#held.push(run)
  }

  stall(): void {
    this.#held ??= []
  }

  /** What came meanwhile runs in its order, one after the other, as the turns of an event loop do. */
  async resume(): Promise<void> {
    const held = this.#held ?? []
    this.#held = null
    const work = runAll(held)
    this.#common.waitFor(work)
    await work
  }
}

async function runAll(held: readonly (() => void)[]): Promise<void> {
  for (const run of held) {
    run()
    await settled()
  }
}
