import type { ServerResponse } from 'node:http'

/** How long a reader should stay away after its stream has ended: browsers do what it says. */
const retryMs = 2_000

/** One event as it goes over the wire. JSON has no line breaks, so one line holds it. */
export function eventText(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

/**
 * A response of server-sent events. A reader that does not read is cut as soon as more than so many bytes are left unread: none are
 * dropped, for what is missing in the middle would leave it with a wrong picture, and its next connection begins with a whole one.
 */
export class EventStream {
  readonly #response: ServerResponse
  readonly #unreadBytesMax: number
  #wroteAtMs = performance.now()

  /** The headers of the response are set. */
  constructor(response: ServerResponse, unreadBytesMax: number) {
    this.#response = response
    this.#unreadBytesMax = unreadBytesMax
    this.write(`retry: ${retryMs}\n\n`)
  }

  /** The text of whole events. Nothing happens once the stream has ended. */
  write(text: string): void {
    const response = this.#response
    if (response.destroyed || response.writableEnded) return
    if (response.writableLength > this.#unreadBytesMax) {
      response.destroy()
      return
    }
    this.#wroteAtMs = performance.now()
    response.write(text)
  }

  /** A line that says nothing, where nothing else was said for so long: who reads, and the proxies between, see that it is alive. */
  keepAlive(silenceMs: number): void {
    if (performance.now() - this.#wroteAtMs >= silenceMs) this.write(': nothing new\n\n')
  }

  end(): void {
    this.#response.end()
  }
}
