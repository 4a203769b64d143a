/** Time as the room knows it: monotonic, so that a stepped wall clock moves no deadline; and timers, which tests make their own. */
export interface Clock {
  /** ms since some moment in the past; never goes back. */
  now(): number
  /** Runs it once, `delayMs` from now or a little later, and keeps no process alive. Returns what cancels it. */
  setTimeout(run: () => void, delayMs: number): () => void
}

/** Above it Node fires at once instead of late. */
const delayMsMax = 2 ** 31 - 1

export const monotonicClock: Clock = {
  now: () => performance.now(),
  setTimeout: (run, delayMs) => {
    // Node drops the fraction, which would ring before the time.
    const timer = setTimeout(run, Math.min(Math.ceil(Math.max(delayMs, 0)), delayMsMax))
    timer.unref()
    return () => {
      clearTimeout(timer)
    }
  },
}
