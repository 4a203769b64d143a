import type { AcquireOutcome, HeldLease } from '../engine.js'
import type { RoomObserver } from './room-observer.js'

/** The outcome of one request, given once, and told to who counts. */
export class Answer {
  readonly outcome: Promise<AcquireOutcome>
  readonly #semaphore: string
  readonly #observer: RoomObserver
  // Both are set by the promise's constructor, which runs its function at once.
  #resolve!: (outcome: AcquireOutcome) => void
  #reject!: (error: unknown) => void

  constructor(semaphore: string, observer: RoomObserver) {
    this.#semaphore = semaphore
    this.#observer = observer
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  granted(lease: HeldLease): void {
    const { semaphore, permits, waitedMs } = lease
    this.#observer.granted({ semaphore, permits, waitedMs })
    this.#resolve({ kind: 'granted', lease })
  }

  refused(outcome: Exclude<AcquireOutcome, { kind: 'granted' }>): void {
    this.#observer.refused({ semaphore: this.#semaphore, kind: outcome.kind })
    this.#resolve(outcome)
  }

  failed(error: unknown): void {
    // Whoever closed its request does not look any more; that must not end the process.
    this.outcome.catch(() => undefined)
    this.#reject(error)
  }
}
