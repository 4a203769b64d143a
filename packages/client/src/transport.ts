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
  /** A text is JSON already. */
  readonly body?: object | string
  /** Where it may go with others in one request: which call of a batch it is. */
  readonly batched?: BatchedCall
  /** Headers of the trace it belongs to; left out: whoever sends it now. */
  readonly trace?: Readonly<Record<string, string>>
}

export interface BatchedCall {
  readonly call: 'acquire' | 'release' | 'renew'
  readonly semaphore: string
  /** Of the batch, which never waits; left out: what the attempt itself may take. */
  readonly timeoutMs?: number
}

/** What came back of one request, if anything did. */
export type Reply =
  | {
      readonly kind: 'reply'
      readonly response: FetchResponse
      readonly text: string
      readonly sentAtMs: number
      readonly receivedAtMs: number
    }
  | { readonly kind: 'none'; readonly error: unknown }

/** Makes single attempts, with others in one request or alone. */
export interface Attempts {
  readonly clock: Clock
  /**
   * Resolves with what became of it. Rejects only with the reason of an aborted signal. When it settles without a whole answer nothing of it is under
   * way any more; only one that was aborted may be, with others in a batch.
   */
  attempt(exchange: Exchange, timeoutMs: number, signals: readonly AbortSignal[]): Promise<Answer>
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

/** Sends one request for each attempt. Knows HTTP, and nothing of semaphores or of trying again. */
export class Transport implements Attempts {
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

  async attempt(exchange: Exchange, timeoutMs: number, signals: readonly AbortSignal[]): Promise<Answer> {
    return this.answerOf(await this.request(exchange, timeoutMs, signals))
  }

  /** The headers that carry on the trace of whoever asks now. */
  trace(): Readonly<Record<string, string>> {
    return traceHeaders(this.#settings.openTelemetry)
  }

  /** What a reply means to one who asked; an error of its own each time. */
  answerOf(reply: Reply): Answer {
    if (reply.kind === 'reply') return answerOf(reply.response, reply.text, reply)
    const { error } = reply
    return fault(
      new SignalboxError(`${this.#settings.url} did not answer: ${reasonOf(error)}`, {
        code: 'UNREACHABLE',
        retryable: true,
        cause: error,
      }),
    )
  }

  /**
   * Sends the request once. Rejects only with the reason of an aborted signal. When it settles without a whole reply the connection has been closed, so that
   * an attempt never outlives the next one's start.
   */
  async request(exchange: Exchange, timeoutMs: number, signals: readonly AbortSignal[]): Promise<Reply> {
    throwIfAborted(signals)
    const closing = new AbortController()
    const stopListening = onAbort(signals, (reason) => closing.abort(reason))
    const timeout = new Alarm(this.clock)
    const sentAtMs = this.clock.now()
    timeout.set(sentAtMs + timeoutMs, () => closing.abort(new Error(`no answer within ${Math.round(timeoutMs)} ms`)))
    try {
      const { response, text } = await orAborted(this.#fetch(exchange, closing.signal), closing.signal)
      throwIfAborted(signals)
      const receivedAtMs = this.clock.now()
      this.#events.debug(
        () => `${describe(exchange)} -> ${response.status} in ${Math.round(receivedAtMs - sentAtMs)} ms`,
      )
      return { kind: 'reply', response, text, sentAtMs, receivedAtMs }
    } catch (error) {
      closing.abort(error)
      throwIfAborted(signals)
      this.#events.debug(() => `${describe(exchange)} -> ${String(error)}`)
      return { kind: 'none', error }
    } finally {
      timeout.clear()
      stopListening()
    }
  }

  async #fetch(exchange: Exchange, signal: AbortSignal): Promise<{ response: FetchResponse; text: string }> {
    const body = typeof exchange.body === 'object' ? JSON.stringify(exchange.body) : exchange.body
    const headers = { ...(exchange.trace ?? this.trace()), ...this.#headers }
    const response = await this.#settings.fetch(`${this.#settings.url}${exchange.path}`, {
      ...this.#settings.fetchOptions,
      method: exchange.method,
      headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
      // Following one would carry the key to wherever it points.
      redirect: 'manual',
      signal,
    })
    return { response, text: await textOf(response) }
  }
}

export function describe(exchange: Exchange): string {
  return `${exchange.method} ${exchange.path}`
}

/** undici says "fetch failed" and hides the why in `cause`. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error ? `${messageOf(error)}: ${messageOf(cause)}` : messageOf(error)
}

/** Of a host with several addresses Node says only by code that none answered. */
function messageOf(error: Error): string {
  return error.message === '' && 'code' in error ? String(error.code) : error.message
}
