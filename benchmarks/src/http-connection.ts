import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

/**
 * One keep-alive connection that carries one request at a time. Written by hand because the generator shares two cores with what it
 * measures: an HTTP client of the usual kind would cost about as much as the service.
 */
export class HttpConnection {
  readonly #socket: Socket
  readonly #host: string
  #received = ''
  #answer: ((answer: HttpAnswer) => void) | null = null
  #fail: ((error: Error) => void) | null = null

  static async open(url: string): Promise<HttpConnection> {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    await once(socket, 'connect')
    return new HttpConnection(socket, `${hostname}:${port}`)
  }

  constructor(socket: Socket, host: string) {
    this.#socket = socket
    this.#host = host
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#received += text
      this.#readAnswer()
    })
    socket.on('error', (error) => this.#fail?.(error))
    socket.on('close', () => this.#fail?.(new Error('The connection was closed.')))
  }

  send(method: 'POST' | 'PUT', path: string, body: string): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      this.#answer = resolve
      this.#fail = reject
      this.#socket.write(
        `${method} ${path} HTTP/1.1\r\nhost: ${this.#host}\r\ncontent-type: application/json\r\n` +
          `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      )
    })
  }

  /** Rejects for any other status: what was refused would be measured as if it had been done. */
  async expect200(method: 'POST' | 'PUT', path: string, body: object): Promise<HttpAnswer> {
    const answer = await this.send(method, path, JSON.stringify(body))
    if (answer.status !== 200 && answer.status !== 201) throw new Error(`${path}: ${answer.status} ${answer.body}`)
    return answer
  }

  close(): void {
    this.#fail = null
    this.#socket.destroy()
  }

  #readAnswer(): void {
    const headEnd = this.#received.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = this.#received.slice(0, headEnd)
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1])
    const end = headEnd + 4 + length
    if (this.#received.length < end) return
    const body = this.#received.slice(headEnd + 4, end)
    this.#received = this.#received.slice(end)
    this.#fail = null
    this.#answer?.({ status: Number(head.slice(9, 12)), body })
  }
}
