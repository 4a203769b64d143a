import type { EngineObserver } from '../engine.js'
import { defaultStoreSettings, type Notice, type StoreSettings, StoreUnavailableError } from '../store.js'
import { Catalogue } from './catalogue.js'
import { settle } from './settle.js'
import { again, type Again, Transition } from './transition.js'

export interface MemoryStoreOptions {
  readonly settings?: Partial<StoreSettings>
  /** Whole µs. The default never steps, whatever happens to the machine's wall clock. */
  readonly clock?: () => number
  readonly observer?: Pick<EngineObserver, 'called' | 'expired'>
}

export type Command<Call, Reply> = (transition: Transition, call: Call) => Reply | Again

/** Runs commands one at a time on what there is, and delivers what they tell. */
export class CommandRunner {
  readonly catalogue: Catalogue
  readonly #settings: StoreSettings
  readonly #clock: () => number
  readonly #observer: MemoryStoreOptions['observer']
  readonly #listeners = new Map<string, (notice: Notice) => void>()
  #isClosed = false

  constructor({ settings, clock, observer }: MemoryStoreOptions) {
    this.#settings = { ...defaultStoreSettings, ...settings }
    this.#clock = clock ?? (() => Math.floor((performance.timeOrigin + performance.now()) * 1000))
    this.#observer = observer
    this.catalogue = new Catalogue(this.#settings.idleMs)
  }

  /** `operation`: its name in metrics, as the script of the same effect has it. */
  async run<Call extends { semaphore: string }, Reply>(
    operation: string,
    command: Command<Call, Reply>,
    call: Call,
  ): Promise<Reply> {
    const startedAtMs = performance.now()
    let ok = false
    try {
      const reply = await this.#runToTheEnd(command, call)
      ok = true
      return reply
    } finally {
      this.#observer?.called({ operation, durationMs: performance.now() - startedAtMs, ok })
    }
  }

  async #runToTheEnd<Call extends { semaphore: string }, Reply>(
    command: Command<Call, Reply>,
    call: Call,
  ): Promise<Reply> {
    for (;;) {
      this.refuseIfClosed()
      this.forget()
      const transition = new Transition(this.catalogue, this.#settings, this.#clock())
      const reply = command(transition, call)
      this.#conclude(transition, call.semaphore)
      if (reply !== again) return reply
      // Others get their turn between two batches, as they do between two scripts.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** A little of what is over, before every command: so nothing needs a timer, and whoever calls no more adds no more. */
  forget(): void {
    const nowUs = this.#clock()
    this.catalogue.forget(nowUs, (semaphore) => {
      const transition = new Transition(this.catalogue, this.#settings, nowUs)
      settle(transition, semaphore)
      this.#conclude(transition, semaphore.name)
    })
  }

  listen(replica: string, listener: (notice: Notice) => void): () => void {
    this.#listeners.set(replica, listener)
    return () => {
      if (this.#listeners.get(replica) === listener) this.#listeners.delete(replica)
    }
  }

  refuseIfClosed(): void {
    if (this.#isClosed) throw new StoreUnavailableError('The in-memory store is closed.')
  }

  close(): void {
    this.#isClosed = true
    this.#listeners.clear()
  }

  #conclude(transition: Transition, name: string): void {
    const semaphore = this.catalogue.find(name)
    if (semaphore !== undefined) transition.conclude(semaphore)
    const leases = this.#settings.batchMax - transition.expiriesLeft
    if (leases > 0) this.#observer?.expired({ semaphore: name, leases })
    for (const { replica, notice } of transition.told) {
      // Later, as a message is: no listener runs in the middle of the command that told it. Microtasks keep the order.
      queueMicrotask(() => this.#listeners.get(replica)?.(notice))
    }
  }
}
