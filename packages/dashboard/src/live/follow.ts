import { createParser } from 'eventsource-parser'
import { jsonOf, refusalOf, type Api, type Refusal } from './api.js'
import { onHidden, untilShown } from './shown.js'
import { WireError } from './wire.js'

export type Connection =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** Tried again at `retryAtMs`, on `performance.now()`; null: being tried now, by the page or by the service. */
  | { readonly kind: 'lost'; readonly detail: string; readonly retryAtMs: number | null }

export interface Follower {
  onEvent(name: string, data: unknown): void
  onConnection(connection: Connection): void
  /** The service will not have this key: following has ended. */
  onRefused(refusal: Refusal): void
}

/** The service writes a comment at least every 15 s: a connection that is silent for longer than two of them is none. */
const silenceMsMax = 35_000
const retryMinMs = 500
const retryMaxMs = 8_000

/**
 * Reads a stream of events for as long as it is not told to stop, connecting again whenever it ends. By `fetch`: an EventSource cannot
 * send the key but in its URL. Only while the page is shown: to one host a browser opens six connections, those of all its tabs
 * together, so that streams of a few forgotten tabs would leave none for the one in which somebody takes a lease back.
 * @returns how to stop it
 */
export function follow(api: Api, path: string, follower: Follower): () => void {
  const stopped = new AbortController()
  void keepReading(api, path, follower, stopped.signal)
  return () => stopped.abort()
}

async function keepReading(api: Api, path: string, follower: Follower, stopped: AbortSignal): Promise<void> {
  const isStopped = () => stopped.aborted
  let failures = 0
  const live = () => {
    failures = 0
    follower.onConnection({ kind: 'live' })
  }
  follower.onConnection({ kind: 'connecting' })
  for (;;) {
    if (document.hidden) {
      follower.onConnection({ kind: 'lost', detail: 'The page was hidden.', retryAtMs: null })
      await untilShown(stopped)
      if (isStopped()) return
    }
    const end = await readOnce(api, path, follower, stopped, live)
    if (isStopped()) return
    if (end.status === 401 || end.status === 403) {
      follower.onRefused(end)
      return
    }
    if (document.hidden) continue
    const backoffMs = Math.min(retryMinMs * 2 ** failures, retryMaxMs)
    failures += 1
    // Half of it at random: a service that comes back must not meet all its pages in one moment.
    const delayMs = Math.max(end.retryAfterMs, backoffMs / 2 + (Math.random() * backoffMs) / 2)
    follower.onConnection({ kind: 'lost', detail: end.detail, retryAtMs: performance.now() + delayMs })
    await pause(delayMs, stopped)
    if (isStopped()) return
    follower.onConnection({ kind: 'lost', detail: end.detail, retryAtMs: null })
  }
}

/** Resolves with why it ended. */
async function readOnce(
  api: Api,
  path: string,
  follower: Follower,
  stopped: AbortSignal,
  live: () => void,
): Promise<Refusal> {
  const ended = (detail: string): Refusal => ({ kind: 'refused', status: 0, detail, retryAfterMs: 0 })
  const attempt = new AbortController()
  const abort = () => attempt.abort()
  stopped.addEventListener('abort', abort)
  const unwatch = onHidden(abort)
  let silence = setTimeout(abort, silenceMsMax)
  let isOpen = false
  const parser = createParser({
    onEvent({ event = 'message', data }) {
      if (event === 'unavailable') {
        isOpen = false
        follower.onConnection({ kind: 'lost', detail: 'The service does not reach its store.', retryAtMs: null })
        return
      }
      if (!isOpen) live()
      isOpen = true
      follower.onEvent(event, jsonOf(data))
    },
  })
  try {
    const response = await api.open('GET', path, attempt.signal)
    if (!response.ok || response.body === null) return await refusalOf(response)
    const reader = response.body.getReader()
    const decoder = new TextDecoder()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return ended('The service ended the stream.')
      clearTimeout(silence)
      silence = setTimeout(abort, silenceMsMax)
      parser.feed(decoder.decode(value, { stream: true }))
    }
  } catch (error) {
    if (error instanceof WireError) return { ...ended(error.message), retryAfterMs: retryMaxMs }
    return ended(attempt.signal.aborted ? 'The service has fallen silent.' : 'The service does not answer.')
  } finally {
    clearTimeout(silence)
    stopped.removeEventListener('abort', abort)
    unwatch()
    attempt.abort()
  }
}

/** Ends early when the machine is on a network again. */
function pause(delayMs: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer)
      stopped.removeEventListener('abort', over)
      removeEventListener('online', over)
      resolve()
    }
    const timer = setTimeout(over, delayMs)
    stopped.addEventListener('abort', over)
    addEventListener('online', over)
  })
}
