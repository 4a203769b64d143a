/** Long enough that a dozen grants a minute do not look like bursts, short enough to be about now. */
const windowMs = 5_000

interface Look {
  readonly atMs: number
  readonly grants: number
}

/** How many leases a second one semaphore granted lately, from looks at how many it ever granted. */
export class GrantRate {
  #looks: Look[] = []

  /** Of the last few seconds, in tenths; 0 at the first look, and where the semaphore was made anew. */
  after(look: Look): number {
    const last = this.#looks.at(-1)
    if (last !== undefined && look.grants < last.grants) this.#looks = []
    this.#looks.push(look)
    while (this.#looks[1] !== undefined && this.#looks[1].atMs <= look.atMs - windowMs) this.#looks.shift()
    const [first = look] = this.#looks
    const seconds = (look.atMs - first.atMs) / 1_000
    return seconds === 0 ? 0 : Math.round(((look.grants - first.grants) / seconds) * 10) / 10
  }
}
