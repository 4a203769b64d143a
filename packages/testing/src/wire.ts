import type { Socket } from 'node:net'
import type { buildApp } from '@signalbox/semaphore-service'

/** What stands for a TCP connection; each request has one of its own. */
interface Connection {
  /** The service's end; null: the request has not arrived yet. */
  socket: Socket | null
  readonly breakOff: (reason: unknown) => void
}

type App = ReturnType<typeof buildApp>

const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'] as const

/** The service knows no such header; by it a request that arrives is found to be one of these. */
const connectionHeader = 'signalbox-testing-connection'

const streamPath = '/v1/events'
// A request here is answered when its reply has ended, and this one's does not.
const streamText = 'is a live stream, which only a service with a port sends: here, ask again after each advance.'

/** The network between the clients and the service, in one process: `fetch` that needs no port, and can be cut. */
export class Wire {
  readonly #app: App
  readonly #connections = new Map<string, Connection>()
  #lastNumber = 0
  #isCut = false

  constructor(app: App) {
    this.#app = app
    app.addHook('onRequest', (request, _reply, done) => {
      const connection = this.#connections.get(String(request.headers[connectionHeader]))
      // Broken off on its way.
      if (connection === undefined) closeSocket(request.raw.socket)
      else connection.socket = request.raw.socket
      done()
    })
  }

  /** Requests that are not answered yet. */
  get open(): number {
    return this.#connections.size
  }

  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init)
    request.signal.throwIfAborted()
    if (new URL(request.url).pathname === streamPath) throw new TypeError(`${streamPath} ${streamText}`)
    if (this.#isCut) throw unreachable()
    this.#lastNumber += 1
    const id = String(this.#lastNumber)
    return await new Promise((resolve, reject) => {
      const connection: Connection = { socket: null, breakOff }
      const hearAbort = (): void => breakOff(request.signal.reason)
      const done = (): void => {
        this.#connections.delete(id)
        request.signal.removeEventListener('abort', hearAbort)
      }
      function breakOff(reason: unknown): void {
        if (connection.socket !== null) closeSocket(connection.socket)
        done()
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as fetch does: with the signal's own reason
        reject(reason)
      }
      this.#connections.set(id, connection)
      request.signal.addEventListener('abort', hearAbort)
      this.#send(request, id).then(resolve, reject).finally(done)
    })
  }

  /** Breaks what is open; until `mend`, whatever is sent fails as it does when nobody listens. */
  cut(): void {
    this.#isCut = true
    for (const connection of [...this.#connections.values()]) connection.breakOff(unreachable())
  }

  mend(): void {
    this.#isCut = false
  }

  async #send(request: Request, id: string): Promise<Response> {
    const { host, pathname, search } = new URL(request.url)
    const payload = request.body === null ? {} : { payload: await request.text() }
    const answer = await this.#app.inject({
      method: methodOf(request),
      url: `${pathname}${search}`,
      headers: { ...Object.fromEntries(request.headers), host, [connectionHeader]: id },
      ...payload,
    })
    const headers = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)])
    const hasBody = answer.rawPayload.length > 0
    return new Response(hasBody ? new Uint8Array(answer.rawPayload) : null, { status: answer.statusCode, headers })
  }
}

function methodOf({ method }: Request): (typeof methods)[number] {
  const known = methods.find((one) => one === method)
  if (known === undefined) throw new TypeError(`${method} is not sent by this fetch: only ${methods.join(', ')}.`)
  return known
}

/** As a connection tells the service that its caller is gone. */
function closeSocket(socket: Socket): void {
  Reflect.set(socket, 'destroyed', true)
  socket.emit('close', false)
}

function unreachable(): TypeError {
  return new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED (the test has disconnected)') })
}
