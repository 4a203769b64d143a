import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { HttpConnection } from '../src/http-connection.js'

let server: Server | undefined
afterEach(() => server?.close())

async function serve(answer: (path: string, body: string) => { status: number; body: string }): Promise<string> {
  server = createServer((request, response) => {
    let received = ''
    request.on('data', (chunk: Buffer) => (received += chunk.toString()))
    request.on('end', () => {
      const { status, body } = answer(request.url ?? '', received)
      response.writeHead(status, { 'content-length': Buffer.byteLength(body) }).end(body)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `http://127.0.0.1:${address.port}`
}

describe('a connection of the load generator', () => {
  it('carries one request after another', async () => {
    const connection = await HttpConnection.open(
      await serve((path, body) => ({ status: 200, body: `${path} ${body}` })),
    )
    for (let i = 0; i < 3; i += 1) {
      await expect(connection.send('POST', `/${i}`, 'x'.repeat(i))).resolves.toEqual({
        status: 200,
        body: `/${i} ${'x'.repeat(i)}`,
      })
    }
    connection.close()
  })

  it('takes no refusal for an answer', async () => {
    const connection = await HttpConnection.open(await serve(() => ({ status: 429, body: 'busy' })))
    await expect(connection.expect200('POST', '/a', {})).rejects.toThrow('/a: 429 busy')
    connection.close()
  })
})
