import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'

type Direction = 'requests' | 'replies'

interface Target {
  readonly host: string
  readonly port: number
}

/** Stands between a client and a server and does what networks do. */
export interface TcpProxy {
  readonly host: string
  readonly port: number
  /** Connections now open. */
  readonly connections: number
  /** Every byte from now on arrives this much later. */
  delayMs: number
  /** Ends every open connection, both sides; new ones may be made. */
  cut(): void
  /** Ends every connection and refuses new ones until `accept`. */
  refuse(): Promise<void>
  accept(): Promise<void>
  /** Nothing passes either way and nobody is told, new connections included; what was sent meanwhile passes after `heal`. */
  hold(): void
  /** Requests reach the server, replies are lost. Ends the connections concerned when healed: what was lost stays lost. */
  loseReplies(): void
  /**
   * The next request that has this text in it reaches the server; when the reply comes it is lost, and the connection with it
   * unless it is kept. Resolves then.
   */
  loseReplyTo(text: string, options?: { readonly keepConnection?: boolean }): Promise<void>
  /** Ends every connection; new ones lead there, as after a failover. */
  pointTo(target: { readonly host: string; readonly port: number }): void
  /** Ends `hold`, `loseReplies` and the delay. */
  heal(): void
  close(): Promise<void>
}

interface Expectation {
  readonly text: string
  readonly keepConnection: boolean
  readonly met: () => void
}

class Link {
  readonly #ends: Readonly<Record<Direction, { from: Socket; to: Socket; last: Promise<void> }>>
  readonly #client: Socket
  readonly #server: Socket
  losesReplies = false
  #awaitsReply: Expectation | null = null

  constructor(client: Socket, server: Socket, proxy: FaultyProxy) {
    this.#client = client
    this.#server = server
    this.#ends = {
      requests: { from: client, to: server, last: Promise.resolve() },
      replies: { from: server, to: client, last: Promise.resolve() },
    }
    client.on('data', (data) => {
      const expectation = proxy.takeExpectation(data.toString('latin1'))
      if (expectation !== null) this.#awaitsReply = expectation
      this.#pass('requests', data, proxy.delayMs)
    })
    server.on('data', (data) => {
      if (this.#awaitsReply !== null) {
        if (!this.#awaitsReply.keepConnection) this.end()
        this.#awaitsReply.met()
        this.#awaitsReply = null
      } else if (proxy.isLosingReplies) this.losesReplies = true
      else if (!this.losesReplies) this.#pass('replies', data, proxy.delayMs)
    })
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', () => this.end())
      socket.on('close', () => this.end())
    }
    client.on('end', () => this.end())
    server.on('end', () => this.end())
  }

  #pass(direction: Direction, data: Buffer, delayMs: number): void {
    const end = this.#ends[direction]
    const write = (): void => {
      if (!end.to.destroyed) end.to.write(data)
    }
    const due = delayMs === 0 ? null : new Promise((resolve) => setTimeout(resolve, delayMs))
    end.last = end.last.then(() => due).then(write)
  }

  hold(): void {
    this.#client.pause()
    this.#server.pause()
  }

  release(): void {
    if (this.losesReplies) this.end()
    this.#client.resume()
    this.#server.resume()
  }

  end(): void {
    this.#client.destroy()
    this.#server.destroy()
  }
}

class FaultyProxy implements TcpProxy {
  readonly host: string
  delayMs = 0
  isLosingReplies = false
  #isHolding = false
  #port = 0
  #server: Server
  readonly #links = new Set<Link>()
  #target: () => Target
  #expectations: Expectation[] = []

  constructor(target: () => Target, host: string) {
    this.#target = target
    this.host = host
    this.#server = createServer((client) => this.#connect(client))
  }

  get port(): number {
    return this.#port
  }

  get connections(): number {
    return this.#links.size
  }

  #connect(client: Socket): void {
    const target = this.#target()
    const link = new Link(client, createConnection({ host: target.host, port: target.port }), this)
    this.#links.add(link)
    client.once('close', () => this.#links.delete(link))
    if (this.#isHolding) link.hold()
  }

  takeExpectation(request: string): Expectation | null {
    const index = this.#expectations.findIndex(({ text }) => request.includes(text))
    return index === -1 ? null : (this.#expectations.splice(index, 1)[0] ?? null)
  }

  cut(): void {
    for (const link of this.#links) link.end()
  }

  async refuse(): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, 'close') : null
    this.#server.close()
    this.cut()
    await closed
  }

  async accept(): Promise<void> {
    this.#server = createServer((client) => this.#connect(client)).listen(this.#port, this.host)
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (address !== null && typeof address !== 'string') this.#port = address.port
  }

  pointTo(target: { readonly host: string; readonly port: number }): void {
    this.#target = () => target
    this.cut()
  }

  hold(): void {
    this.#isHolding = true
    for (const link of this.#links) link.hold()
  }

  loseReplies(): void {
    this.isLosingReplies = true
  }

  loseReplyTo(text: string, { keepConnection = false } = {}): Promise<void> {
    return new Promise((met) => this.#expectations.push({ text, keepConnection, met }))
  }

  heal(): void {
    this.#isHolding = false
    this.isLosingReplies = false
    this.delayMs = 0
    for (const link of this.#links) link.release()
  }

  close(): Promise<void> {
    return this.refuse()
  }
}

/** Listens on a port of its own and passes everything to the target; a function is asked at each connection. */
export async function startTcpProxy(target: Target | (() => Target), host = '127.0.0.1'): Promise<TcpProxy> {
  const proxy = new FaultyProxy(typeof target === 'function' ? target : () => target, host)
  await proxy.accept()
  return proxy
}
