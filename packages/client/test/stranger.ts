import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'

/** Something that answers at a port and is not a Signalbox service. Only for replies that no true service gives. */
export interface Stranger {
  readonly url: string
  readonly requests: readonly SeenRequest[]
  /** What to answer from now on. */
  answer: (request: SeenRequest, response: ServerResponse) => void
  stop(): Promise<void>
}

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export async function startStranger(): Promise<Stranger> {
  const requests: SeenRequest[] = []
  const server = createServer((incoming, response) => {
    let body = ''
    incoming.on('data', (chunk: Buffer) => (body += chunk.toString()))
    incoming.on('end', () => {
      const seen = { method: incoming.method ?? '', path: incoming.url ?? '', headers: incoming.headers, body }
      requests.push(seen)
      stranger.answer(seen, response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The stranger has no port')
  const stranger: Stranger = {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    answer: (_request, response) => response.end(),
    stop: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return stranger
}

/** A reply with a JSON body. */
export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

/** The lease that a service would answer an acquire with, if it were one. */
export function leaseFor(request: SeenRequest, members: Record<string, unknown> = {}): Record<string, unknown> {
  const { leaseId, ttlMs, permits } = JSON.parse(request.body) as { leaseId: string; ttlMs: number; permits?: number }
  return {
    state: 'held',
    leaseId,
    semaphore: 'reports',
    permits: permits ?? 1,
    fence: 1,
    ttlMs,
    expiresInMs: ttlMs,
    waitedMs: 0,
    expiresAt: '2026-01-01T00:00:00.000Z',
    ...members,
  }
}
