import { once } from 'node:events'
import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { onTestFinished, vi } from 'vitest'
import { timeout } from './run-service.js'

type Value = { readonly stringValue: string } | { readonly intValue: string | number } | { readonly boolValue: boolean }
interface Attribute {
  readonly key: string
  readonly value: Value
}
interface SentSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly attributes: readonly Attribute[]
  readonly events?: readonly { readonly name: string; readonly attributes: readonly Attribute[] }[]
  readonly status: { readonly code?: number }
}
interface Sent {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] }
    readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[]
  }[]
}

export interface ReceivedSpan extends Omit<SentSpan, 'attributes' | 'events'> {
  readonly attributes: Readonly<Record<string, unknown>>
  readonly events: readonly { readonly name: string; readonly attributes: Readonly<Record<string, unknown>> }[]
  readonly resource: Readonly<Record<string, unknown>>
}

export interface Received {
  readonly path: string
  readonly type: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Buffer
}

/** What OpenTelemetry's collectors are to a program that sends spans. */
export async function receiveSpans(status = 200) {
  const received: Received[] = []
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const { headers, url = '' } = request
      received.push({ path: url, type: headers['content-type'] ?? '', headers, body })
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const spans = () => received.flatMap(({ body }) => spansOf(JSON.parse(String(body)) as Sent))
  return {
    url: `http://127.0.0.1:${address.port}`,
    received,
    spans,
    /** Resolves when there are so many. */
    has: (count: number) =>
      vi.waitFor(
        () => {
          const all = spans()
          if (all.length < count) throw new Error(`only ${all.length} spans`)
          return all
        },
        { timeout, interval: 10 },
      ),
  }
}

function spansOf({ resourceSpans }: Sent): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        attributes: recordOf(span.attributes),
        events: (span.events ?? []).map(({ name, attributes }) => ({ name, attributes: recordOf(attributes) })),
        resource: recordOf(resource.attributes),
      })),
    ),
  )
}

function recordOf(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, 'intValue' in value ? Number(value.intValue) : Object.values(value)[0]]),
  )
}
