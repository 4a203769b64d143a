import { onAbort, orAborted, throwIfAborted } from './abort.js'
import { answerOf, fault, type Answer } from './answer.js'
import type { Clock } from './clock.js'
import { userAgent } from './environment.js'
import { SignalboxError } from './errors.js'
import type { Events } from './events.js'
import type { FetchResponse } from './fetch.js'
import type { Settings } from './settings.js'
import { traceHeaders } from './telemetry.js'
import { Alarm } from './timer.js'

/** One request; sent as often as its caller says. */
export interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** Below the client's url; never holds a lease id, so that it may be logged. */
  readonly path: string
  readonly body?: object
}

// The largest true reply is a page of 1,000 semaphores, some 300 KB.
const replyBytesMax = 4 * 1024 * 1024

async function textOf(response: FetchResponse): Promise<string> {
  if (response.body === null) return ''
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (value !== undefined) {
      bytes += value.byteLength
      if (bytes > replyBytesMax) {
        await reader.cancel()
        throw new Error(`The reply is longer than ${replyBytesMax} bytes`)
      }
      text += decoder.decode(value, { stream: true })
    }
    if (done) return text + decoder.decode()
  }
}

/** Sends single attempts. Knows HTTP, and nothing of semaphores or of trying again. */
export class Transport {
  readonly clock: Clock
  readonly #settings: Settings
  readonly #events: Events
  readonly #headers: Readonly<Record<string, string>>

  constructor(settings: Settings, events: Events) {
    this.clock = settings.clock
    this.#settings = settings
    this.#events = events
    const given = Object.entries(settings.headers).map(([name, value]) => [name.toLowerCase(), value] as const)
    this.#headers = {
      'user-agent': userAgent(),
      ...Object.fromEntries(given),
      accept: 'application/json, application/problem+json',
      ...(settings.apiKey === undefined ? {} : { authorization: `Bearer ${settings.apiKey}` }),
    }
  }

  /**
   * Sends the request once and resolves with what became of it. Rejects only with the reason of an aborted signal. When it settles without a
   * whole answer the connection has been closed, so that an attempt never outlives the next one's start.
   */
  async attempt(exchange: Exchange, timeoutMs: number, signals: readonly AbortSignal[]): Promise<Answer> {
    throwIfAborted(signals)
    const closing = new AbortController()
    const stopListening = onAbort(signals, (reason) => closing.abort(reason))
    const timeout = new Alarm(this.clock)
    const sentAtMs = this.clock.now()
    timeout.set(sentAtMs + timeoutMs, () => closing.abort(new Error(`no answer within ${Math.round(timeoutMs)} ms`)))
    try {
      const response = await orAborted(this.#fetch(exchange, closing.signal), closing.signal)
      const text = await orAborted(textOf(response), closing.signal)
      throwIfAborted(signals)
      const answer = answerOf(response, text, { sentAtMs, receivedAtMs: this.clock.now() })
      this.#events.debug(
        () => `${describe(exchange)} -> ${response.status} in ${Math.round(this.clock.now() - sentAtMs)} ms`,
      )
      return answer
    } catch (error) {
      closing.abort(error)
      throwIfAborted(signals)
      this.#events.debug(() => `${describe(exchange)} -> ${String(error)}`)
      return fault(
        new SignalboxError(`${this.#settings.url} did not answer: ${reasonOf(error)}`, {
          code: 'UNREACHABLE',
          retryable: true,
          cause: error,
        }),
      )
    } finally {
      timeout.clear()
      stopListening()
    }
  }

  async #fetch(exchange: Exchange, signal: AbortSignal): Promise<FetchResponse> {
    const body = exchange.body === undefined ? undefined : JSON.stringify(exchange.body)
    const headers = { ...traceHeaders(this.#settings.openTelemetry), ...this.#headers }
    return await this.#settings.fetch(`${this.#settings.url}${exchange.path}`, {
      ...this.#settings.fetchOptions,
      method: exchange.method,
      headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
      // Following one would carry the key to wherever it points.
      redirect: 'manual',
      signal,
    })
  }
}

export function describe(exchange: Exchange): string {
  return `${exchange.method} ${exchange.path}`
}

/** undici says "fetch failed" and hides the why in `cause`. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  const why = cause.message === '' && 'code' in cause ? String(cause.code) : cause.message
  return `${error.message}: ${why}`
}
