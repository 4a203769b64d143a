import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { Recorder } from '../history/recorder.js'

/**
 * What the semaphores of limit 1 protect: remembers the newest fence it has seen of each, and refuses older ones. (With a larger limit
 * several fences are valid at once, so a check like this one needs a semaphore of limit 1.)
 */
export class Register {
  recorder: Recorder | null = null
  readonly url: string
  readonly #server: Server
  readonly #newest = new Map<string, number>()

  constructor(server: Server, port: number) {
    this.#server = server
    this.url = `http://127.0.0.1:${port}`
    server.on('request', (request, response) => {
      const [, semaphore = '', fence = ''] = (request.url ?? '').split('/')
      const accepted = this.#write(semaphore, Number(fence))
      response.writeHead(accepted ? 204 : 409).end()
    })
  }

  #write(semaphore: string, fence: number): boolean {
    const accepted = fence >= (this.#newest.get(semaphore) ?? 0)
    if (accepted) this.#newest.set(semaphore, fence)
    this.recorder?.record({ kind: 'access', semaphore, fence, accepted })
    return accepted
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

export async function openRegister(): Promise<Register> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  return new Register(server, address.port)
}
