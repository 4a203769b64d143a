import { DeadlineHeap, type Timed } from './deadline-heap.js'

interface Entry<Value> extends Timed {
  readonly value: Value
}

/** What is remembered until a point in time and no longer: the counterpart of a key with a TTL. */
export class ForgetfulMap<Value> {
  readonly #entries = new Map<string, Entry<Value>>()
  readonly #deadlines = new DeadlineHeap<Entry<Value>>()

  get size(): number {
    return this.#entries.size
  }

  set(id: string, value: Value, untilMs: number): void {
    const previous = this.#entries.get(id)
    if (previous !== undefined) this.#deadlines.remove(previous)
    const entry = { id, value, deadlineMs: untilMs, heapIndex: 0 }
    this.#entries.set(id, entry)
    this.#deadlines.add(entry)
  }

  get(id: string, nowMs: number): Value | undefined {
    const entry = this.#entries.get(id)
    return entry !== undefined && nowMs < entry.deadlineMs ? entry.value : undefined
  }

  /** Drops what is over, at most `most`: called with every command, so that neither memory nor one call grows. */
  forget(nowMs: number, most: number): void {
    for (let left = most; left > 0; left -= 1) {
      const entry = this.#deadlines.first
      if (entry === undefined || entry.deadlineMs > nowMs) return
      this.#deadlines.remove(entry)
      this.#entries.delete(entry.id)
    }
  }
}
