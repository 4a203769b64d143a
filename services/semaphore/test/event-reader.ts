import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { onTestFinished, vi } from 'vitest'

/** Longest time in which an event must come; on the busiest machine. */
export const patience = { timeout: 20_000, interval: 5 }

export interface ReadEvent {
  readonly event: string
  readonly data: unknown
}

export interface EventReader {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly events: readonly ReadEvent[]
  /** Whatever came, comments too. */
  readonly text: () => string
  /** Resolves with the events, when there are so many. */
  has(count: number): Promise<readonly ReadEvent[]>
  /** Resolves when the service has ended the stream ('end'), or cut it. */
  readonly over: Promise<'end' | 'cut'>
  /** Reads no further. */
  pause(): void
  leave(): void
}

/** Reads a live stream, as a program would that has no library for it. */
export async function readEvents(
  port: number,
  query = '',
  headers: Readonly<Record<string, string>> = {},
): Promise<EventReader> {
  const request = get({ port, host: '127.0.0.1', path: `/v1/events${query}`, headers, agent: false })
  onTestFinished(() => void request.destroy())
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve)
    request.on('error', reject)
  })
  let text = ''
  response.setEncoding('utf8')
  response.on('data', (chunk: string) => (text += chunk))
  const over = new Promise<'end' | 'cut'>((resolve) => {
    response.once('end', () => resolve('end'))
    response.once('error', () => resolve('cut'))
  })
  const reader: EventReader = {
    status: response.statusCode ?? 0,
    headers: response.headers,
    get events() {
      return parse(text)
    },
    text: () => text,
    has: (count) =>
      vi.waitFor(() => {
        const { events } = reader
        if (events.length < count) throw new Error(`only ${events.length} events: ${text}`)
        return events
      }, patience),
    over,
    pause: () => void response.pause(),
    leave: () => request.destroy(),
  }
  return reader
}

function parse(text: string): ReadEvent[] {
  // What follows the last empty line is not whole yet.
  const blocks = text.split('\n\n').slice(0, -1)
  return blocks.flatMap((block) => {
    const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? []
    return event === undefined || data === undefined ? [] : [{ event, data: JSON.parse(data) as unknown }]
  })
}
