/** Long enough for a look at another tab: what happens while a stream is closed is missing in the charts. */
const hiddenMsMax = 5_000

/** Resolves when the page is shown, or when it is no longer asked. */
export function untilShown(stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const changed = () => {
      if (document.hidden && !stopped.aborted) return
      document.removeEventListener('visibilitychange', changed)
      stopped.removeEventListener('abort', changed)
      resolve()
    }
    document.addEventListener('visibilitychange', changed)
    stopped.addEventListener('abort', changed)
    changed()
  })
}

/**
 * Calls once the page has been hidden for a while.
 * @returns how to stop it
 */
export function onHidden(call: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const changed = () => {
    clearTimeout(timer)
    if (document.hidden) timer = setTimeout(call, hiddenMsMax)
  }
  document.addEventListener('visibilitychange', changed)
  changed()
  return () => {
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', changed)
  }
}
