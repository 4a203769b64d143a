import { DeadlineHeap, type Timed } from './deadline-heap.js'
import { ForgetfulMap } from './forgetful-map.js'
import { Semaphore } from './semaphore.js'

/** The next time to look whether a semaphore has idled away. */
interface IdleCheck extends Timed {
  readonly semaphore: Semaphore
}

interface Entry {
  readonly semaphore: Semaphore
  readonly number: number
  readonly idleCheck: IdleCheck
}

const FORGOTTEN_PER_COMMAND = 8

/** Every semaphore there is, and what outlives one: retired ids, request ids, fences ahead of the clock. */
export class Catalogue {
  readonly #idleMs: number
  readonly #entries = new Map<string, Entry>()
  readonly #idleChecks = new DeadlineHeap<IdleCheck>()
  readonly #retired = new ForgetfulMap<true>()
  readonly #grown = new ForgetfulMap<true>()
  readonly #fences = new ForgetfulMap<number>()
  #created = 0

  constructor(idleMs: number) {
    this.#idleMs = idleMs
  }

  /** Entries of any kind, for tests that look for what was left behind. */
  get size(): number {
    return this.#entries.size + this.#retired.size + this.#grown.size + this.#fences.size
  }

  find(name: string): Semaphore | undefined {
    return this.#entries.get(name)?.semaphore
  }

  create(start: { name: string; limit: number; bounded: boolean; nowMs: number }): Semaphore {
    const fence = this.#fences.get(start.name, start.nowMs) ?? 0
    const semaphore = new Semaphore({ ...start, fence })
    const idleCheck = { id: start.name, deadlineMs: start.nowMs + this.#idleMs, heapIndex: 0, semaphore }
    this.#created += 1
    this.#entries.set(start.name, { semaphore, number: this.#created, idleCheck })
    this.#idleChecks.add(idleCheck)
    return semaphore
  }

  remove(semaphore: Semaphore, nowUs: number): void {
    const entry = this.#entries.get(semaphore.name)
    if (entry?.semaphore !== semaphore) return
    this.#entries.delete(semaphore.name)
    this.#idleChecks.remove(entry.idleCheck)
    // Equal counts as ahead: it was given in this very µs, and the clock alone would give it once more. Kept past the fence's own time: a
    // clock that stepped back once may do so again.
    if (semaphore.fence >= nowUs) {
      this.#fences.set(semaphore.name, semaphore.fence, Math.ceil(semaphore.fence / 1000) + this.#idleMs)
    }
  }

  isIdle(semaphore: Semaphore, nowMs: number): boolean {
    const vacant = semaphore.leases.size === 0 && semaphore.waiters.size === 0
    return vacant && !semaphore.configured && nowMs >= semaphore.lastUseMs + this.#idleMs
  }

  /** Semaphores created after this number whose names begin so, oldest first: an order that holds still while pages are read. */
  *after(number: number, prefix: string): Generator<{ readonly name: string; readonly number: number }> {
    for (const [name, entry] of this.#entries) {
      if (entry.number > number && name.startsWith(prefix)) yield { name, number: entry.number }
    }
  }

  retire(name: string, leaseId: string, untilMs: number): void {
    this.#retired.set(`${name} ${leaseId}`, true, untilMs)
  }

  isRetired(name: string, leaseId: string, nowMs: number): boolean {
    return this.#retired.get(`${name} ${leaseId}`, nowMs) === true
  }

  noteGrowth(name: string, requestId: string, untilMs: number): void {
    this.#grown.set(`${name} ${requestId}`, true, untilMs)
  }

  hasGrownBy(name: string, requestId: string, nowMs: number): boolean {
    return this.#grown.get(`${name} ${requestId}`, nowMs) === true
  }

  /**
   * Forgets what is over, and semaphores that have idled away: each is settled first, for a lease or waiter of it may be over
   * without anybody having met it. A few with each command, since a sweep of everything stalls everybody.
   */
  forget(nowUs: number, settle: (semaphore: Semaphore) => void): void {
    const nowMs = Math.floor(nowUs / 1000)
    this.#retired.forget(nowMs, FORGOTTEN_PER_COMMAND)
    this.#grown.forget(nowMs, FORGOTTEN_PER_COMMAND)
    this.#fences.forget(nowMs, FORGOTTEN_PER_COMMAND)
    for (let left = FORGOTTEN_PER_COMMAND; left > 0; left -= 1) {
      const check = this.#idleChecks.first
      if (check === undefined || check.deadlineMs > nowMs) return
      settle(check.semaphore)
      if (this.isIdle(check.semaphore, nowMs)) this.remove(check.semaphore, nowUs)
      else this.#idleChecks.move(check, this.#nextIdleCheckMs(check.semaphore, nowMs))
    }
  }

  #nextIdleCheckMs(semaphore: Semaphore, nowMs: number): number {
    const vacant = semaphore.leases.size === 0 && semaphore.waiters.size === 0
    return (vacant && !semaphore.configured ? semaphore.lastUseMs : nowMs) + this.#idleMs
  }
}
