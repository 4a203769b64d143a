/**
 * Local monotonic time, and timers on it. Its times are compared with nothing but themselves: clocks of two machines never agree. A test may give
 * one that it moves itself; `@signalbox/testing` does.
 */
export interface Clock {
  /** ms since some moment in the past; never goes back. */
  now(): number
  /** Runs it once, `delayMs` from now or a little later; `background`: keeps no process alive. Returns what cancels it. */
  setTimeout(run: () => void, delayMs: number, background: boolean): () => void
}

// Longer delays make setTimeout fire at once.
const delayMsMax = 2 ** 31 - 1

function unref(timer: unknown): void {
  // In browsers and Workers a timer is a number.
  if (typeof timer !== 'object' || timer === null || !('unref' in timer)) return
  if (typeof timer.unref === 'function') Reflect.apply(timer.unref, timer, [])
}

/** The machine's own. */
export const machineClock: Clock = {
  now: () => performance.now(),
  setTimeout(run, delayMs, background) {
    const timer = setTimeout(run, Math.min(Math.max(Math.ceil(delayMs), 0), delayMsMax))
    if (background) unref(timer)
    return () => {
      clearTimeout(timer)
    }
  },
}
