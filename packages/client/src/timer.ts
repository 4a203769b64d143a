import { nowMs } from './clock.js'
import { onAbort } from './abort.js'

// Longer delays make setTimeout fire at once.
const delayMsMax = 2 ** 31 - 1

function unref(timer: unknown): void {
  // In browsers and Workers a timer is a number.
  if (typeof timer !== 'object' || timer === null || !('unref' in timer)) return
  if (typeof timer.unref === 'function') Reflect.apply(timer.unref, timer, [])
}

/**
 * Calls back once, at or after a point on the local monotonic clock, however far away it is. Keeps no process alive. When the event loop was
 * blocked beyond the point, it calls as soon as the loop runs again.
 */
export class Alarm {
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Replaces what was set before. */
  set(atMs: number, ring: () => void): void {
    this.clear()
    const delayMs = Math.min(Math.max(Math.ceil(atMs - nowMs()), 0), delayMsMax)
    this.#timer = setTimeout(() => {
      // A clamped delay ends early, and so may a timer that counts whole ms of another clock.
      if (nowMs() < atMs) this.set(atMs, ring)
      else ring()
    }, delayMs)
    unref(this.#timer)
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

/**
 * Resolves after the delay; rejects with a signal's reason when one aborts first. `background`: keeps no process alive. A pause between two
 * attempts of a call that the program awaits does keep it alive: otherwise the process would end in the middle of the call.
 */
export function pause(delayMs: number, signals: readonly AbortSignal[], background: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => {
        stopListening()
        resolve()
      },
      Math.min(Math.ceil(delayMs), delayMsMax),
    )
    if (background) unref(timer)
    const stopListening = onAbort(signals, (reason) => {
      clearTimeout(timer)
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- callers get their own reason
      reject(reason)
    })
  })
}
