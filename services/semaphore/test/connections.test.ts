import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { leaseId, openService, type OpenService, type ProblemBody } from './open-service.js'

/** A connection that says exactly what it is told to. */
async function dial(port: number): Promise<{ socket: Socket; received: () => string; closed: Promise<unknown> }> {
  const socket = connect({ port, host: '127.0.0.1' })
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (chunk) => (text += String(chunk)))
  socket.on('error', () => undefined)
  // Not `once` of node:events: it would reject for a connection that is reset.
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await once(socket, 'connect')
  return { socket, received: () => text, closed }
}

function post(path: string, body: object, headers = ''): string {
  const text = JSON.stringify(body)
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n${headers}\r\n${text}`
}

const acquire = '/v1/semaphores/a/acquire'

async function state({ store }: OpenService) {
  const reply = await store.inspect({ semaphore: 'a' })
  return reply.kind === 'state' ? { used: reply.state.used, waiting: reply.state.waiting } : null
}

async function full(options: Parameters<typeof openService>[0] = {}) {
  const service = openService(options)
  const port = await service.listen()
  const held = (await service.acquire('a', { create: { limit: 1 } })).json<{ leaseId: string }>()
  return {
    service,
    port,
    held,
    release: () => service.call('POST', '/v1/semaphores/a/release', { leaseId: held.leaseId }),
  }
}

describe('a connection that closes', () => {
  test('while its acquire waits leaves the queue at once', async () => {
    const { service, port } = await full()
    const { socket } = await dial(port)
    socket.write(post(acquire, { waitMs: 20_000 }))
    await vi.waitFor(async () => expect(await state(service)).toEqual({ used: 1, waiting: 1 }))
    socket.destroy()
    await vi.waitFor(async () => expect(await state(service)).toEqual({ used: 1, waiting: 0 }))
    expect(service.engine.waiting).toBe(0)
  })

  test('in the direction of its request counts as closed', async () => {
    const { service, port } = await full()
    const { socket } = await dial(port)
    socket.write(post(acquire, { waitMs: 20_000 }))
    await vi.waitFor(async () => expect(await state(service)).toEqual({ used: 1, waiting: 1 }))
    socket.end()
    await vi.waitFor(async () => expect(await state(service)).toEqual({ used: 1, waiting: 0 }))
  })

  test('just when the permit was granted passes it on', async () => {
    const { service, port, release } = await full()
    const { socket } = await dial(port)
    socket.write(post(acquire, { waitMs: 20_000, holder: 'first' }))
    await vi.waitFor(async () => expect(await state(service)).toEqual({ used: 1, waiting: 1 }))
    const second = service.acquire('a', { waitMs: 20_000, holder: 'second' })
    await vi.waitFor(async () => expect(await state(service)).toEqual({ used: 1, waiting: 2 }))
    // The grant and the close race; whoever wins, no permit is lost and the next in line is served.
    const released = release()
    socket.destroy()
    await released
    const winner = await Promise.race([
      second,
      vi.waitFor(() => expect(socket.destroyed).toBe(true)).then(() => second),
    ])
    expect(winner.statusCode).toBe(200)
    await vi.waitFor(async () => expect(await state(service)).toEqual({ used: 1, waiting: 0 }))
  })

  test('after the answer was written changes nothing', async () => {
    const { service, port, release } = await full()
    const { socket, received } = await dial(port)
    socket.write(post(acquire, { waitMs: 20_000 }))
    await vi.waitFor(async () => expect(await state(service)).toEqual({ used: 1, waiting: 1 }))
    await release()
    await vi.waitFor(() => expect(received()).toContain('"held"'))
    socket.destroy()
    await once(socket, 'close')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await state(service)).toEqual({ used: 1, waiting: 0 })
  })

  test('ends every acquire that was sent on it without waiting for answers', async () => {
    const { service, port } = await full()
    const { socket } = await dial(port)
    socket.write(post(acquire, { waitMs: 20_000 }).repeat(3))
    await vi.waitFor(async () => expect(await state(service)).toEqual({ used: 1, waiting: 3 }))
    socket.destroy()
    await vi.waitFor(async () => expect(await state(service)).toEqual({ used: 1, waiting: 0 }))
  })
})

describe('requests sent without waiting for answers', () => {
  test('are answered in their order, and a lease granted behind a waiting one is not lost', async () => {
    const { service, port, release } = await full()
    const other = leaseId()
    const { socket, received } = await dial(port)
    const first = post(acquire, { waitMs: 20_000, holder: 'first' }, 'X-Request-Id: first\r\n')
    const second = post(
      '/v1/semaphores/b/acquire',
      { leaseId: other, create: { limit: 1 } },
      'X-Request-Id: second\r\n',
    )
    socket.write(first + second)
    await vi.waitFor(async () => expect((await service.store.inspect({ semaphore: 'b' })).kind).toBe('state'))
    expect(received()).toBe('')
    await release()
    await vi.waitFor(() =>
      expect(received().match(/x-request-id: \w+/g)).toEqual(['x-request-id: first', 'x-request-id: second']),
    )
    expect(received()).toContain(other)
  })

  test('are told 100 Continue in their turn or not at all, never in the middle of an answer', async () => {
    const { port, release } = await full()
    const { socket, received } = await dial(port)
    // Refused before the body is read, so that its answer is ready while the one before it waits.
    const refused = post(acquire, {}, 'Origin: http://elsewhere\r\nExpect: 100-continue\r\n')
    socket.write(post(acquire, { waitMs: 20_000 }) + refused)
    await release()
    await vi.waitFor(() => expect(received()).toContain('FORBIDDEN'))
    expect(received()).not.toContain('100 Continue')
    const alone = await dial(port)
    alone.socket.write(post('/v1/semaphores/b/acquire', {}, 'Expect: 100-continue\r\n'))
    await vi.waitFor(() => expect(alone.received()).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 404/))
  })

  test('that are not HTTP close the connection without an answer the waiting one could take for its own', async () => {
    const { service, port } = await full()
    const { socket, received, closed } = await dial(port)
    socket.write(post(acquire, { waitMs: 20_000 }))
    await vi.waitFor(async () => expect(await state(service)).toEqual({ used: 1, waiting: 1 }))
    socket.write('NONSENSE\r\n\r\n')
    await closed
    expect(received()).toBe('')
    await vi.waitFor(async () => expect(await state(service)).toEqual({ used: 1, waiting: 0 }))
  })
})

describe('bytes that are no request', () => {
  const answerTo = async (bytes: string, options: Parameters<typeof openService>[0] = {}) => {
    const { socket, received, closed } = await dial(await openService(options).listen())
    socket.write(bytes)
    await closed
    const [head = '', body = ''] = received().split('\r\n\r\n')
    return { head, problem: JSON.parse(body) as ProblemBody }
  }

  test.each([
    ['nonsense', 'NONSENSE\r\n\r\n', /not valid HTTP/],
    ['a bad header', 'GET / HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n', /not valid HTTP/],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
      /not valid HTTP/,
    ],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      /not valid HTTP/,
    ],
    [
      'headers of 20 KiB',
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      /larger than 16 KiB/,
    ],
    ['a path of 20 KiB', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, /larger than 16 KiB/],
    ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001', /not valid HTTP/],
  ])('%s are answered with a problem document', async (_what, bytes, detail) => {
    const { head, problem } = await answerTo(bytes)
    expect(head).toMatch(/^HTTP\/1.1 400 /)
    expect(head).toMatch(/Content-Type: application\/problem\+json\r\n/)
    expect(head).toMatch(/Cache-Control: no-store/)
    expect(head).toContain(`X-Request-Id: ${problem.requestId}`)
    expect(problem).toMatchObject({ code: 'INVALID_REQUEST', status: 400 })
    expect(problem.detail).toMatch(detail)
  })

  test.each([
    ['a body that never comes', 'Content-Length: 100\r\n\r\n{'],
    ['headers that never end', 'X-Slow: 1\r\n'],
  ])('%s is cut, without an answer that would say whose fault it is', async (_what, rest) => {
    const service = openService({ settings: { receiveTimeoutMs: 200 } })
    const { socket, received, closed } = await dial(await service.listen())
    socket.write(`POST ${acquire} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${rest}`)
    await closed
    expect(received()).toBe('')
  })

  test('a right request that waited for a process that did nothing is not called wrong', async () => {
    const service = openService({ settings: { receiveTimeoutMs: 100 } })
    const { socket, received, closed } = await dial(await service.listen())
    await vi.waitFor(async () => {
      const open = await new Promise((resolve) => service.app.server.getConnections((_error, count) => resolve(count)))
      expect(open).toBe(1)
    })
    // In the same turn: the bytes are there, and nobody reads them until they are overdue.
    socket.write(post(acquire, { create: { limit: 1 } }))
    const untilMs = performance.now() + 400
    while (performance.now() < untilMs);
    await vi.waitFor(() => expect(socket.destroyed || received() !== '').toBe(true))
    expect(received()).not.toContain('INVALID_REQUEST')
    socket.destroy()
    await closed
  })

  test('a wait longer than the time for receiving is not cut', async () => {
    const service = openService({ settings: { receiveTimeoutMs: 100 } })
    const port = await service.listen()
    await service.acquire('a', { create: { limit: 1 } })
    const { socket, received } = await dial(port)
    socket.write(post(acquire, { waitMs: 600 }))
    await vi.waitFor(() => expect(received()).toContain('ACQUIRE_TIMEOUT'), 5_000)
  })

  test.each([
    ['without a Host, HTTP/1.1', 'GET /healthz HTTP/1.1\r\n\r\n', {}, /403/],
    [
      'without a Host, HTTP/1.1, open to all',
      'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n',
      { insecure: true },
      /400[\s\S]*Host header/,
    ],
    ['without a Host, HTTP/1.0, open to all', 'GET /healthz HTTP/1.0\r\n\r\n', { insecure: true }, /200/],
    [
      'with a dot for a name',
      'GET /v1/semaphores/%2E HTTP/1.1\r\nHost: localhost\r\n\r\n',
      {},
      /400[\s\S]*"name\\" must be valid[\s\S]*\\"\.\\"/,
    ],
    [
      'with dots in the path',
      'GET /v1/../v1/semaphores HTTP/1.1\r\nHost: localhost\r\n\r\n',
      {},
      /404[\s\S]*ROUTE_NOT_FOUND/,
    ],
    ['with a whole URL', 'GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n', {}, /404|200/],
    ['of an unknown method', 'PROPFIND /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n', {}, /405[\s\S]*allow: GET, HEAD/],
    [
      'that expects the impossible',
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: 200-ok\r\n\r\n',
      {},
      /400[\s\S]*problem\+json/,
    ],
  ])('a request %s is answered', async (_what, bytes, settings, answer) => {
    const { socket, received } = await dial(await openService({ settings }).listen())
    socket.write(bytes)
    await vi.waitFor(() => expect(received()).toMatch(answer))
  })
})

test('a stopping service closes a kept connection with its next answer', async () => {
  const { socket, received, closed } = await dial(await openService({ isStopping: () => true }).listen())
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await closed
  expect(received()).toMatch(/^HTTP\/1.1 200 [\s\S]*connection: close/i)
})

test('a stopping service tells its waiters to go elsewhere, keeps their places and closes their connections', async () => {
  const { service, port } = await full()
  const { socket, received, closed } = await dial(port)
  socket.write(post(acquire, { waitMs: 20_000 }))
  await vi.waitFor(async () => expect(await state(service)).toEqual({ used: 1, waiting: 1 }))
  service.engine.stop()
  await closed
  expect(received()).toMatch(/^HTTP\/1.1 503 [\s\S]*retry-after: 0\r\n[\s\S]*connection: close[\s\S]*SHUTTING_DOWN/i)
  expect(await state(service)).toEqual({ used: 1, waiting: 1 })
})
