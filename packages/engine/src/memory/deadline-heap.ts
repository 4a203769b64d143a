/** Something with a deadline. `heapIndex` belongs to the heap that the item is in. */
export interface Timed {
  readonly id: string
  deadlineMs: number
  heapIndex: number
}

/** Equal deadlines go by id, as the members of a sorted set do: both stores expire in one order, also across batches. */
function isBefore(a: Timed, b: Timed): boolean {
  return a.deadlineMs < b.deadlineMs || (a.deadlineMs === b.deadlineMs && a.id < b.id)
}

/**
 * Items by deadline, the nearest first; every change is O(log n). Each item knows its place, so that a renewed or released
 * lease is moved or taken out at once: leaving stale entries behind costs memory for as long as the longest ttl (24 h).
 */
export class DeadlineHeap<Item extends Timed> {
  readonly #items: Item[] = []

  get size(): number {
    return this.#items.length
  }

  get first(): Item | undefined {
    return this.#items[0]
  }

  /** What is over at this time, and the deadline of the first that is not, if any. Looks at no more than these. */
  overAt(nowMs: number, index = 0): { readonly count: number; readonly nextDeadlineMs: number } {
    const item = this.#items[index]
    if (item === undefined) return { count: 0, nextDeadlineMs: Infinity }
    if (item.deadlineMs > nowMs) return { count: 0, nextDeadlineMs: item.deadlineMs }
    const left = this.overAt(nowMs, 2 * index + 1)
    const right = this.overAt(nowMs, 2 * index + 2)
    const nextDeadlineMs = Math.min(left.nextDeadlineMs, right.nextDeadlineMs)
    return { count: 1 + left.count + right.count, nextDeadlineMs }
  }

  add(item: Item): void {
    item.heapIndex = this.#items.length
    this.#items.push(item)
    this.#rise(item)
  }

  move(item: Item, deadlineMs: number): void {
    item.deadlineMs = deadlineMs
    this.#rise(item)
    this.#sink(item)
  }

  remove(item: Item): void {
    const last = this.#items.pop()
    if (last === undefined || last === item) return
    this.#place(last, item.heapIndex)
    this.#rise(last)
    this.#sink(last)
  }

  #place(item: Item, index: number): void {
    this.#items[index] = item
    item.heapIndex = index
  }

  #rise(item: Item): void {
    while (item.heapIndex > 0) {
      const parent = this.#items[(item.heapIndex - 1) >> 1]
      if (parent === undefined || !isBefore(item, parent)) return
      this.#swap(item, parent)
    }
  }

  #sink(item: Item): void {
    for (;;) {
      const left = this.#items[2 * item.heapIndex + 1]
      const right = this.#items[2 * item.heapIndex + 2]
      if (left === undefined) return
      const child = right !== undefined && isBefore(right, left) ? right : left
      if (!isBefore(child, item)) return
      this.#swap(item, child)
    }
  }

  #swap(a: Item, b: Item): void {
    const indexOfA = a.heapIndex
    this.#place(a, b.heapIndex)
    this.#place(b, indexOfA)
  }
}
