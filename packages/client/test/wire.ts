import type { Fetch, FetchRequest, FetchResponse } from '../src/index.js'

/** One request as it left the SDK. */
export interface Sent {
  readonly method: string
  /** The last part of the path: acquire, release, renew, add-permits, or a name. */
  readonly call: string
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>
  /** Whether the SDK closed the request. */
  readonly signal: AbortSignal
  /** Whether it has settled, as the SDK saw it. */
  settled: boolean
}

/** The real `fetch`, with a place to break it: before a request is sent, or after it was executed. */
export class Wire {
  readonly sent: Sent[] = []
  /** What it throws keeps the request from being sent; what it awaits delays it. */
  before: (sent: Sent) => void | Promise<void> = () => undefined
  /** What it throws loses the reply of a request that was executed. */
  after: (sent: Sent, response: FetchResponse) => void | Promise<void> = () => undefined

  readonly fetch: Fetch = async (url, request) => {
    const sent = sentOf(url, request)
    this.sent.push(sent)
    try {
      await this.before(sent)
      const response = await fetch(url, request)
      await this.after(sent, response)
      return response
    } finally {
      sent.settled = true
    }
  }

  calls(call: string): Sent[] {
    return this.sent.filter((sent) => sent.call === call)
  }
}

function sentOf(url: string, request: FetchRequest): Sent {
  const { method, headers, signal } = request
  const call = new URL(url).pathname.split('/').at(-1) ?? ''
  const body = request.body === undefined ? {} : (JSON.parse(request.body) as Record<string, unknown>)
  return { method, call, body, headers, signal, settled: false }
}

/** The failure of a network. */
export function cut(): never {
  throw new TypeError('fetch failed', { cause: new Error('the test cut the connection') })
}

/** A promise that the test settles. */
export function gate(): { readonly opened: Promise<void>; open: () => void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

/** The same response, already here: reading it takes microtasks only, so that a test can act between any two of them. */
export function arrived(status: number, headers: FetchResponse['headers'], text: string): FetchResponse {
  const chunks = [new TextEncoder().encode(text)]
  const reader = {
    read: () => {
      const value = chunks.shift()
      return Promise.resolve(value === undefined ? { done: true } : { done: false, value })
    },
    cancel: () => Promise.resolve(),
  }
  return { status, headers, body: { getReader: () => reader } }
}
