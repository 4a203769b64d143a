import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { bytesOf, takeAnswer, type WireAnswer, type WireRequest } from './wire.js'

/** Far above what any answer takes: whoever is not answered by then never is. */
const hungAfterMs = 20_000

/** What came back: answers, and whether the service closed the connection. */
export interface Exchange {
  readonly answers: readonly WireAnswer[]
  /** Bytes after the last whole answer. */
  readonly rest: string
  readonly isClosed: boolean
}

/** A kept connection: one request at a time, and a new one whenever the service has closed it. */
export class KeptConnection {
  readonly #port: number
  #socket: Socket | null = null

  constructor(port: number) {
    this.#port = port
  }

  async ask(request: WireRequest): Promise<Exchange> {
    const isUsed = this.#socket !== null
    const exchange = await this.#converse(request)
    // Kept, and closed by the service before this request came: it says nothing about this request.
    return isUsed && exchange.isClosed && exchange.answers.length === 0 ? await this.#converse(request) : exchange
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = null
  }

  async #converse(request: WireRequest): Promise<Exchange> {
    let isClosed = true
    try {
      this.#socket ??= await dial(this.#port)
      const toHead = request.method === 'HEAD'
      const exchange = await converse(this.#socket, bytesOf(request), { toHead, untilClosed: false })
      isClosed = exchange.isClosed
      return exchange
    } finally {
      if (isClosed) this.close()
    }
  }
}

/** Sends bytes on a connection of their own, and hears everything until the service closes it. */
export async function sendRaw(port: number, bytes: Buffer): Promise<Exchange> {
  const socket = await dial(port)
  try {
    return await converse(socket, bytes, { toHead: false, untilClosed: true })
  } finally {
    socket.destroy()
  }
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

function converse(
  socket: Socket,
  bytes: Buffer,
  { toHead, untilClosed }: { readonly toHead: boolean; readonly untilClosed: boolean },
): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    const answers: WireAnswer[] = []
    let received: Buffer = Buffer.alloc(0)
    const settle = (conclude: () => void) => {
      clearTimeout(hung)
      socket.off('data', hear).off('close', closed)
      conclude()
    }
    const hear = (data: Buffer) => {
      received = received.length === 0 ? data : Buffer.concat([received, data])
      try {
        for (let one = takeAnswer(received, toHead); one !== null; one = takeAnswer(received, toHead)) {
          answers.push(one.answer)
          received = one.rest
          if (received.length === 0) break
        }
      } catch (error) {
        settle(() => reject(error instanceof Error ? error : new Error(String(error))))
        return
      }
      const closes = answers.at(-1)?.headers.get('connection') === 'close'
      if (!untilClosed && !closes && answers.length > 0 && received.length === 0) conclude(false)
    }
    const conclude = (isClosed: boolean) =>
      settle(() => resolve({ answers, rest: received.toString('latin1'), isClosed }))
    const closed = () => conclude(true)
    const hung = setTimeout(() => settle(() => reject(new Error(`no end within ${hungAfterMs} ms`))), hungAfterMs)
    socket.on('data', hear).on('close', closed)
    // Closed between two requests: the service may do that at any time.
    if (socket.destroyed) closed()
    else socket.write(bytes)
  })
}
