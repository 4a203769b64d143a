import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** The same choices for the same seed, on every machine. */
export class Random {
  readonly #generator

  /** Those who share a seed and differ in `stream` choose independently of each other. */
  constructor(seed: number, stream = 0) {
    this.#generator = xoroshiro128plus(Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b))
  }

  /** Whole, both ends included. */
  between(least: number, most: number): number {
    return uniformInt(this.#generator, least, most)
  }

  chance(percent: number): boolean {
    return this.between(1, 100) <= percent
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.between(0, items.length - 1)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }

  /** One of the names, each as often as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    const names = Object.entries<number>(weights)
    let at = this.between(
      1,
      names.reduce((sum, [, weight]) => sum + weight, 0),
    )
    const found = names.find(([, weight]) => (at -= weight) <= 0)
    if (found === undefined) throw new Error('nothing to pick from')
    // eslint-disable-next-line @typescript-eslint/no-unsafe-type-assertion -- Object.entries says string; the keys are the names
    return found[0] as Name
  }
}
