import { exitCodeOf, exitCodes, Failure, isErrorCode } from './exit-codes.js'
import { isRecord } from './record.js'

const timeoutMs = 10_000

// As the SDK takes them, so that every command ends alike: what proxies answer for a service that is away, or slow, or when they limit a rate.
const proxyFaults: ReadonlySet<number> = new Set([408, 429, 502, 503, 504])

/** What the SDK has no call for. Every method rejects with a `Failure`. */
export class Http {
  readonly url: string
  readonly #apiKey: string | undefined

  constructor(url: string | undefined, apiKey: string | undefined) {
    this.url = (url ?? 'http://127.0.0.1:7600').replace(/\/+$/, '')
    this.#apiKey = apiKey
  }

  /** The body of a 2xx: JSON, or undefined where there is none. */
  async ask(method: 'GET' | 'DELETE', path: string): Promise<unknown> {
    const { response, text } = await this.text(method, path)
    if (response.status === 204) return undefined
    const body = jsonOf(text)
    if (body === undefined) throw unexpected(response.status)
    return body
  }

  /** The same for what is no JSON. */
  async text(method: 'GET' | 'DELETE', path: string): Promise<{ response: Response; text: string }> {
    try {
      const response = await this.#fetch(method, path, AbortSignal.timeout(timeoutMs))
      return { response, text: await response.text() }
    } catch (error) {
      throw error instanceof Failure ? error : unreachable(this.url, error)
    }
  }

  /** An answer that does not end: server-sent events. What is something else may not end either, and would never tell. */
  async stream(path: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    try {
      const { body, headers } = await this.#fetch('GET', path, signal)
      const isOfEvents = /^text\/event-stream\b/i.test(headers.get('content-type') ?? '')
      if (body === null || !isOfEvents) {
        await body?.cancel()
        throw unexpected(200)
      }
      return body
    } catch (error) {
      throw error instanceof Failure ? error : unreachable(this.url, error)
    }
  }

  async #fetch(method: string, path: string, signal: AbortSignal): Promise<Response> {
    const response = await fetch(this.url + path, {
      method,
      headers: this.#apiKey === undefined ? {} : { authorization: `Bearer ${this.#apiKey}` },
      // Following one would carry the key to wherever it points.
      redirect: 'manual',
      signal,
    })
    if (!response.ok) throw refusal(response.status, await response.text())
    return response
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function refusal(status: number, text: string): Failure {
  const problem = jsonOf(text)
  if (!isRecord(problem) || !isErrorCode(problem['code'])) return unexpected(status)
  const { code, detail } = problem
  return new Failure(typeof detail === 'string' ? detail : code, exitCodeOf(code))
}

function unexpected(status: number): Failure {
  if (proxyFaults.has(status))
    return new Failure(`A proxy answered ${status} in the service's place`, exitCodes.unavailable)
  return new Failure(
    `Answered ${status} with what is not a Signalbox reply: is the url right?`,
    exitCodes.unexpectedReply,
  )
}

/** undici says "fetch failed" and hides the why in `cause`. */
function unreachable(url: string, error: unknown): Failure {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const why = inner instanceof Error ? (inner.message === '' ? inner.name : inner.message) : String(inner)
  return new Failure(`${url} did not answer: ${why}`, exitCodes.unavailable)
}
