import type { LiveSemaphore } from '@signalbox/protocol'

/** What was known from a moment on, until the next one; nulls: nothing was. */
export interface HistoryPoint {
  readonly atMs: number
  readonly used: number | null
  readonly waiting: number | null
  readonly limit: number | null
}

/** How far back the charts go. */
export const historySpanMs = 5 * 60_000

/** What this page has seen of one semaphore. The service keeps no history, so it begins when the page is opened. */
export class History {
  #points: HistoryPoint[] = []

  add(semaphore: LiveSemaphore, atMs: number): void {
    const { used, waiting, limit } = semaphore
    const last = this.#points.at(-1)
    if (last?.used === used && last.waiting === waiting && last.limit === limit) return
    this.#push({ atMs, used, waiting, limit })
  }

  /** From here on nothing is known: the stream broke, or the semaphore is gone. */
  break(atMs: number): void {
    if (this.#points.length > 0 && this.#points.at(-1)?.used !== null) {
      this.#push({ atMs, used: null, waiting: null, limit: null })
    }
  }

  /** Those since the span began, and the one before them, which held when it began. */
  points(nowMs: number): readonly HistoryPoint[] {
    this.#forget(nowMs)
    return this.#points
  }

  #push(point: HistoryPoint): void {
    this.#forget(point.atMs)
    this.#points.push(point)
  }

  #forget(nowMs: number): void {
    const first = this.#points.findIndex(({ atMs }) => atMs > nowMs - historySpanMs)
    const keepFrom = first === -1 ? this.#points.length - 1 : first - 1
    if (keepFrom > 0) this.#points = this.#points.slice(keepFrom)
  }
}

/** The histories of all semaphores that this page has heard of. */
export class Histories {
  readonly #byName = new Map<string, History>()

  of(name: string): History {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    const history = new History()
    this.#byName.set(name, history)
    return history
  }

  forget(name: string): void {
    this.#byName.delete(name)
  }

  breakAll(atMs: number): void {
    for (const history of this.#byName.values()) history.break(atMs)
  }
}
