import { once } from 'node:events'
import { createServer } from 'node:net'

/** A port that nobody listens on now; by the time it is used, somebody may. */
export async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('A listening socket has no port.')
  return address.port
}
