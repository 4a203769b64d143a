type Listener = (reason: unknown) => void

interface FanOut {
  readonly listeners: Set<Listener>
  readonly stop: () => void
}

// One listener per signal, however many calls hang on it: Node warns of a leak at the eleventh. Not AbortSignal.any, which keeps every
// dependent signal of a long-lived one (measured: +249 MB per 200,000 calls).
const fanOuts = new WeakMap<AbortSignal, FanOut>()

function fanOutOf(signal: AbortSignal): FanOut {
  const known = fanOuts.get(signal)
  if (known !== undefined) return known
  const listeners = new Set<Listener>()
  const ring = (): void => {
    fanOuts.delete(signal)
    for (const listener of [...listeners]) listener(signal.reason)
  }
  signal.addEventListener('abort', ring, { once: true })
  const fanOut = {
    listeners,
    stop: () => {
      fanOuts.delete(signal)
      signal.removeEventListener('abort', ring)
    },
  }
  fanOuts.set(signal, fanOut)
  return fanOut
}

/**
 * Calls back once, when the first of the signals aborts (at once if one has already), with its reason. The returned function stops listening;
 * nothing is left on a signal that nobody listens to.
 */
export function onAbort(signals: readonly AbortSignal[], listener: Listener): () => void {
  let listening = true
  const stop = (): void => {
    listening = false
    for (const signal of signals) {
      const fanOut = fanOuts.get(signal)
      if (fanOut?.listeners.delete(once) === true && fanOut.listeners.size === 0) fanOut.stop()
    }
  }
  const once = (reason: unknown): void => {
    if (!listening) return
    stop()
    listener(reason)
  }
  const aborted = signals.find((signal) => signal.aborted)
  if (aborted !== undefined) once(aborted.reason)
  else for (const signal of signals) fanOutOf(signal).listeners.add(once)
  return stop
}

/** Throws the reason of the first signal that has aborted. */
export function throwIfAborted(signals: readonly AbortSignal[]): void {
  for (const signal of signals) if (signal.aborted) throw signal.reason
}

/** Settles as the promise does, or rejects with the reason of the first signal that aborts before it does. */
export function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const stop = onAbort([signal], reject)
    promise.then(resolve, reject).finally(stop)
  })
}
