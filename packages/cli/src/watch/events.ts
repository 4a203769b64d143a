import { createParser } from 'eventsource-parser'
import { exitCodes, Failure } from '../exit-codes.js'
import type { Http } from '../http.js'

export interface LiveEvent {
  readonly event: string
  readonly data: unknown
}

/** The service sends a comment at least every 15 s: who hears nothing for so long listens to nobody. */
const silenceMs = 40_000
const againMs = 2_000

/** The events of one connection, until it ends. Rejects with a `Failure`, or the signal's reason. */
async function* eventsOnce(http: Http, path: string, signal: AbortSignal): AsyncGenerator<LiveEvent> {
  const silent = new AbortController()
  const alarm = setTimeout(
    () => silent.abort(new Failure(`${http.url} has fallen silent`, exitCodes.unavailable)),
    silenceMs,
  )
  const end = (): void => silent.abort(signal.reason)
  signal.addEventListener('abort', end)
  const found: LiveEvent[] = []
  const parser = createParser({
    onEvent: ({ event = 'message', data }) => found.push({ event, data: JSON.parse(data) as unknown }),
  })
  try {
    const decoder = new TextDecoder()
    for await (const bytes of await http.stream(path, silent.signal)) {
      alarm.refresh()
      parser.feed(decoder.decode(bytes, { stream: true }))
      yield* found.splice(0)
    }
  } catch (error) {
    if (silent.signal.aborted) throw silent.signal.reason
    if (error instanceof Failure) throw error
    throw new Failure(
      `The stream broke: ${error instanceof Error ? error.message : String(error)}`,
      exitCodes.unavailable,
      { cause: error },
    )
  } finally {
    clearTimeout(alarm)
    signal.removeEventListener('abort', end)
  }
}

/**
 * The events of a live stream, over as many connections as it takes: each begins with a snapshot. `lost` hears why there is none just now. Rejects when the
 * first connection comes to nothing, or when the service refuses (a key withdrawn); returns when the signal aborts.
 */
export async function* liveEvents(
  http: Http,
  path: string,
  signal: AbortSignal,
  lost: (why: string) => void,
): AsyncGenerator<LiveEvent> {
  const isOver = (): boolean => signal.aborted
  let hasTold = false
  while (!isOver()) {
    let why = 'the stream has ended'
    try {
      for await (const event of eventsOnce(http, path, signal)) {
        hasTold = true
        yield event
      }
      if (!hasTold && !isOver())
        throw new Failure(`${http.url} ended the stream before its first event`, exitCodes.unavailable)
    } catch (error) {
      if (isOver()) return
      const isDown = error instanceof Failure && error.exitCode === exitCodes.unavailable
      if (!isDown || !hasTold) throw error
      why = error.message
    }
    lost(why)
    await pause(againMs, signal)
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
}
