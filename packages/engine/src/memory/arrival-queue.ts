/** Something that arrived; numbers only grow, and each is given once. */
export interface Arrived {
  readonly arrival: number
}

const BLOCK_LENGTH = 256

/**
 * A queue in order of arrival out of which anybody may step. Blocks of 256 arrival numbers, each a map in insertion order:
 * the position of a waiter is a sum over blocks plus a walk within one, where one long list would make 10,000 waiters that come back
 * after the cap cost 50 million steps. Empty blocks are dropped, so that a stuck head does not keep those of the long gone.
 */
export class ArrivalQueue<Item extends Arrived> {
  readonly #blocks = new Map<number, Map<number, Item>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get head(): Item | undefined {
    for (const block of this.#blocks.values()) {
      for (const item of block.values()) return item
    }
    return undefined
  }

  push(item: Item): void {
    const number = blockOf(item.arrival)
    const block = this.#blocks.get(number)
    if (block === undefined) this.#blocks.set(number, new Map([[item.arrival, item]]))
    else block.set(item.arrival, item)
    this.#size += 1
  }

  remove(item: Item): void {
    const block = this.#blocks.get(blockOf(item.arrival))
    if (block === undefined || !block.delete(item.arrival)) return
    this.#size -= 1
    if (block.size === 0) this.#blocks.delete(blockOf(item.arrival))
  }

  /** How many stand before this arrival number, whether or not it is still here. */
  countBefore(arrival: number): number {
    let count = 0
    for (const [number, block] of this.#blocks) {
      if (number < blockOf(arrival)) {
        count += block.size
        continue
      }
      for (const other of block.keys()) {
        if (other >= arrival) return count
        count += 1
      }
    }
    return count
  }

  /** Those that arrived after this number, in order. */
  *after(arrival: number): Generator<Item> {
    for (const [number, block] of this.#blocks) {
      if (number < blockOf(arrival)) continue
      for (const item of block.values()) {
        if (item.arrival > arrival) yield item
      }
    }
  }
}

function blockOf(arrival: number): number {
  return Math.floor(arrival / BLOCK_LENGTH)
}
