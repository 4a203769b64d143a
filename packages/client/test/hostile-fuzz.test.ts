import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { errorTable } from '@signalbox/protocol'
import * as sdk from '../src/index.js'
import type { Fetch, FetchRequest, FetchResponse, Lease, SignalboxClient } from '../src/index.js'
import { isLease, replies, textOf, type HostileReply } from './hostile/replies.js'

// Whatever answers: typed errors only, none unhandled, an end in time, and a lease only from what is one.

const seed = 7_600
/** Of one attempt; and far above what any call takes then, so that whoever has not settled hangs. */
const timeoutMs = 40
const hungAfterMs = 20_000
const ttlMs = 60

interface Exchanged {
  readonly request: FetchRequest
  readonly reply: HostileReply
}

type Call = (client: SignalboxClient) => Promise<Lease | null | undefined>

/** Every call there is, each with what shows whether it believes that it holds. */
const calls: Readonly<Record<string, Call>> = {
  tryAcquire: (client) => client.semaphore('reports', 2).tryAcquire({ ttlMs, permits: 2 }),
  acquire: (client) => client.semaphore('reports').acquire({ ttlMs, waitMs: 0 }),
  run: (client) => client.semaphore('reports').run({ ttlMs, waitMs: 0 }, (lease) => lease),
  adopt: (client) => client.semaphore('reports').adopt('00000000-0000-4000-8000-000000000001', { ttlMs }),
  inspect: (client) => client.semaphore('reports').inspect().then(nothing),
  locked: (client) => client.semaphore('reports').locked().then(nothing),
  resize: (client) => client.boundedSemaphore('reports').resize(3).then(nothing),
  release: (client) => client.semaphore('reports').release().then(nothing),
  semaphores: (client) => client.semaphores().next().then(nothing),
}

function nothing(): undefined {
  return undefined
}

function callOf(name: string): Call {
  const call = calls[name]
  if (call === undefined) throw new Error(`no call ${name}`)
  return call
}

/** Which class a whole problem document with its own status becomes. */
function classOf(code: string): unknown {
  const row = Object.entries(errorTable).find(([name]) => name === code)?.[1]
  if (row === undefined || row.sdk === 'StillWaitingError') return sdk.SignalboxError
  return sdk[row.sdk]
}

async function endOf<Value>(promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const hung = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no end within ${hungAfterMs} ms`)), hungAfterMs)
  })
  try {
    return await Promise.race([promise, hung])
  } finally {
    clearTimeout(timer)
  }
}

/** Makes the call and holds its end to the promises. `heard`: what was answered, as far as it is known. */
async function judge(name: string, client: SignalboxClient, heard: readonly Exchanged[] | null): Promise<void> {
  try {
    const lease = await endOf(callOf(name)(client))
    if (lease === null || lease === undefined) return
    if (heard !== null) expect(heard.some(({ request, reply }) => isLease(request, reply))).toBe(true)
    expect(lease.expiresInMs).toBeLessThanOrEqual(name === 'adopt' ? 604_800_000 : ttlMs)
    await endOf(lease.release())
  } catch (error) {
    expect(error).toBeInstanceOf(sdk.SignalboxError)
    if (!(error instanceof sdk.SignalboxError)) return
    const known = Object.keys(errorTable)
    expect([...known, 'UNEXPECTED_REPLY', 'UNREACHABLE']).toContain(error.code)
    if (known.includes(error.code) && !(error instanceof sdk.UnavailableError))
      expect(error).toBeInstanceOf(classOf(error.code))
  } finally {
    await endOf(client.close({ timeoutMs: 50 }))
  }
}

describe('replies of an injected fetch', () => {
  /** Answers with one reply after the other. */
  function fetchOf(answers: readonly HostileReply[], heard: Exchanged[]): Fetch {
    return async (_url, request) => {
      const reply = answers[heard.length % answers.length]
      if (reply === undefined) throw new TypeError('fetch failed')
      heard.push({ request, reply })
      return await deliver(reply, request)
    }
  }

  function deliver(reply: HostileReply, request: FetchRequest): Promise<FetchResponse> {
    const { status, delivery } = reply
    const headers = new Map(reply.headers)
    if (delivery === 'refused') return Promise.reject(new TypeError('fetch failed', { cause: new Error('refused') }))
    if (delivery === 'silent') return new Promise(() => undefined)
    const bytes = new TextEncoder().encode(textOf(reply, request))
    const parts = [bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)]
    return Promise.resolve({
      status,
      headers: { get: (name: string) => headers.get(name.toLowerCase()) ?? null },
      body: {
        getReader: () => ({
          read: async () => {
            const value = parts.shift()
            if (value === undefined) return { done: true }
            if (parts.length === 0 && delivery === 'cut') throw new TypeError('terminated')
            if (parts.length === 0 && delivery === 'stalled') return await new Promise(() => undefined)
            return { done: false, value }
          },
          cancel: () => (delivery === 'cut' ? Promise.reject(new Error('cancelled')) : Promise.resolve()),
        }),
      },
    })
  }

  it('3,000 of them: typed errors, an end in time, and a lease only from a lease', { timeout: 240_000 }, async () => {
    const one = fc.record({
      call: fc.constantFrom(...Object.keys(calls)),
      answers: fc.array(replies, { minLength: 1, maxLength: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 30, maxLength: 30 }), async (cases) => {
        await Promise.all(
          cases.map(async ({ call, answers }) => {
            const heard: Exchanged[] = []
            const client = new sdk.SignalboxClient({
              url: 'http://hostile.invalid',
              fetch: fetchOf(answers, heard),
              timeoutMs,
              retryForMs: 0,
            })
            await judge(call, client, heard)
          }),
        )
      }),
      { seed, numRuns: 100, endOnFailure: true },
    )
  })
})

describe('bytes of a server', () => {
  let answer: (socket: Socket) => void = (socket) => void socket.destroy()
  let url = ''
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    // One answer to each piece that comes: to a request, if it is small, and to whatever follows on the connection.
    socket.on('data', () => answer(socket))
  })
  beforeAll(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    url = `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`
  })
  afterAll(() => void server.close())

  const statusLines = fc.oneof(
    fc.integer({ min: 0, max: 1_100 }).map((status) => `HTTP/1.1 ${status} X`),
    fc.constantFrom(
      'HTTP/1.1 200 OK',
      'HTTP/1.0 200',
      'HTTP/2 200',
      'HTTP/1.1',
      'ICY 200 OK',
      '',
      'HTTP/1.1 -1 X',
      'HTTP/1.1 99999 X',
    ),
  )
  const lines = fc.array(
    fc.oneof(
      fc.nat(300).map((length) => `Content-Length: ${length}`),
      fc.constantFrom(
        'Transfer-Encoding: chunked',
        'Content-Length: -1',
        'Content-Encoding: gzip',
        'Connection: close',
        'Location: /x',
      ),
      fc.constantFrom(
        'Content-Type: text/html',
        'Retry-After: -1',
        'X',
        ': x',
        'Set-Cookie: a=b',
        `X: ${'x'.repeat(20_000)}`,
        'X-Request-Id: \u0001',
      ),
    ),
    { maxLength: 4 },
  )
  const bodies = fc.oneof(
    fc.constantFrom('{}', '', '<html>', '2\r\n{}\r\n0\r\n\r\n', 'ffff\r\n', 'null', '{"state":"held"}'),
    fc.string(),
  )
  const interim = fc.constantFrom(
    '',
    '',
    '',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  )

  it('300 answers that are hardly HTTP: typed errors, and an end in time', { timeout: 240_000 }, async () => {
    const one = fc.record({
      call: fc.constantFrom(...Object.keys(calls)),
      text: fc
        .tuple(interim, statusLines, lines, bodies)
        .map(([first, status, headers, body]) => `${first}${[status, ...headers].join('\r\n')}\r\n\r\n${body}`),
      closes: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(one, async ({ call, text, closes }) => {
        answer = (socket) => {
          socket.write(text, 'latin1')
          if (closes) socket.end()
        }
        await judge(call, new sdk.SignalboxClient({ url, timeoutMs, retryForMs: 0 }), null)
      }),
      { seed, numRuns: 300, endOnFailure: true },
    )
  })
})
