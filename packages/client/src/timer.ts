import { onAbort } from './abort.js'
import type { Clock } from './clock.js'

/**
 * Calls back once, at or after a point on the local monotonic clock, however far away it is. Keeps no process alive. When the event loop was
 * blocked beyond the point, it calls as soon as the loop runs again.
 */
export class Alarm {
  readonly #clock: Clock
  #cancel: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Replaces what was set before. */
  set(atMs: number, ring: () => void): void {
    this.clear()
    const again = (): void => {
      // A clamped delay ends early, and so may a timer that counts whole ms of another clock.
      if (this.#clock.now() < atMs) this.set(atMs, ring)
      else ring()
    }
    this.#cancel = this.#clock.setTimeout(again, atMs - this.#clock.now(), true)
  }

  clear(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}

/**
 * Resolves after the delay; rejects with a signal's reason when one aborts first. `background`: keeps no process alive. A pause between two
 * attempts of a call that the program awaits does keep it alive: otherwise the process would end in the middle of the call.
 */
export function pause(
  clock: Clock,
  delayMs: number,
  signals: readonly AbortSignal[],
  background: boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      stopListening()
      resolve()
    }
    const cancel = clock.setTimeout(done, delayMs, background)
    const stopListening = onAbort(signals, (reason) => {
      cancel()
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- callers get their own reason
      reject(reason)
    })
  })
}
