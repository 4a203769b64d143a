import { problemOf } from './wire.js'

/** The call was refused, or failed: `detail` is a sentence for people, the service's own where it gave one. */
export interface Refusal {
  readonly kind: 'refused'
  /** 0: nobody answered. */
  readonly status: number
  readonly detail: string
  readonly retryAfterMs: number
}

export type Answer = { readonly kind: 'done'; readonly body: unknown } | Refusal

const unreachable: Refusal = {
  kind: 'refused',
  status: 0,
  detail: 'The service does not answer.',
  retryAfterMs: 0,
}

/** The key lives here and in no storage and no URL: closing or loading the page again forgets it. */
export class Api {
  readonly #key: string | null

  constructor(key: string | null) {
    this.#key = key
  }

  /** Never rejects. */
  async call(method: 'GET' | 'PUT' | 'DELETE', path: string, body?: object): Promise<Answer> {
    try {
      const response = await this.open(method, path, AbortSignal.timeout(callTimeoutMs), body)
      if (!response.ok) return await refusalOf(response)
      return { kind: 'done', body: response.status === 204 ? null : await response.json() }
    } catch {
      return unreachable
    }
  }

  /** Rejects when nobody answers. */
  open(method: string, path: string, signal: AbortSignal, body?: object): Promise<Response> {
    return fetch(path, {
      method,
      signal,
      headers: {
        ...(this.#key === null ? {} : { authorization: `Bearer ${this.#key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }
}

const callTimeoutMs = 10_000

export async function refusalOf(response: Response): Promise<Refusal> {
  const { status } = response
  const text = await response.text()
  const problem = problemOf(jsonOf(text))
  // A proxy in between speaks no problem documents.
  const { detail, retryAfterMs = 0 } = problem ?? { detail: `The service answered ${status}, and nothing more.` }
  return { kind: 'refused', status, detail, retryAfterMs }
}

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

export function pathOf(semaphore: string): string {
  return `/v1/semaphores/${encodeURIComponent(semaphore)}`
}
