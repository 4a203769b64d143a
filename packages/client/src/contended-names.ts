/** Of more than so many the oldest are forgotten, which costs each of their next acquires one request more. */
const namesMax = 1_000

/** The semaphores whose last acquire through this client had to wait: the next most likely has to, too. */
export class ContendedNames {
  readonly #names = new Set<string>()

  has(name: string): boolean {
    return this.#names.has(name)
  }

  add(name: string): void {
    if (this.#names.has(name)) return
    this.#names.add(name)
    const [oldest] = this.#names
    if (this.#names.size > namesMax && oldest !== undefined) this.#names.delete(oldest)
  }

  delete(name: string): void {
    this.#names.delete(name)
  }
}
