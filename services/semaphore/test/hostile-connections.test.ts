import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { makeAuthority } from './certificates.js'
import { openService } from './open-service.js'

const authority = makeAuthority(afterAll)
const certificate = authority.issue('service')

/** Nothing here is timed: what is not cut off makes its test run out of time. */
const settings = { receiveTimeoutMs: 300, keepAliveMs: 300, silenceMs: 1_000 }
/** For what has to be cut for its size: no time is over before the test is. */
const patient = { receiveTimeoutMs: 300_000, keepAliveMs: 300_000, silenceMs: 300_000 }

const post = 'POST /v1/semaphores/a/acquire HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`

type Attack = (socket: Socket) => void

interface Dialled {
  readonly socket: Socket
  readonly received: () => string
  /** Resolves when the service has closed the connection, politely or not. */
  readonly closed: Promise<unknown>
}

function watch(socket: Socket): Dialled {
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (chunk) => (text += String(chunk)))
  socket.on('error', () => undefined)
  return { socket, received: () => text, closed: new Promise((resolve) => socket.once('close', resolve)) }
}

/** Sends one piece after the other, as fast as it is taken, for as long as there is somebody who takes it. */
function flood(socket: Socket, piece: string): void {
  const more = () => {
    while (socket.writable && socket.write(piece));
  }
  socket.on('drain', more)
  more()
}

/** Sends one byte at a time, with pauses, for ever. */
function drip(socket: Socket, text: string): void {
  let next = 0
  const timer = setInterval(() => {
    if (socket.writable) socket.write(text.charAt(next++ % text.length))
  }, 20)
  socket.once('close', () => clearInterval(timer))
}

describe.each(['http', 'https'] as const)('over %s', (scheme) => {
  const serve = async (given: typeof settings & { connectionsMax?: number }) => {
    const tls = scheme === 'https' ? certificate : null
    const service = openService({ tls, settings: given })
    const port = await service.listen()
    const dial = async () => {
      const where = { port, host: '127.0.0.1' }
      const socket = scheme === 'http' ? connect(where) : connectTls({ ...where, ca: authority.cert })
      const dialled = watch(socket)
      const isThere = new Promise((resolve) => socket.once(scheme === 'http' ? 'connect' : 'secureConnect', resolve))
      await Promise.race([isThere, dialled.closed])
      return dialled
    }
    const isWell = async () => {
      const { socket, received } = await dial()
      socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await vi.waitFor(() => expect(received()).toMatch(/^HTTP\/1.1 200 /), 10_000)
    }
    return { service, port, dial, isWell }
  }

  /** Both ends have to see it: the descriptor that is open at the service is what an attack is after. */
  const expectCut = async ({ service, dial, isWell }: Awaited<ReturnType<typeof serve>>, attack: Attack) => {
    const { socket, closed } = await dial()
    attack(socket)
    const openAtService = () =>
      new Promise<number>((resolve) => service.app.server.getConnections((_error, count) => resolve(count)))
    await vi.waitFor(async () => expect(await openAtService()).toBe(0), { timeout: 30_000, interval: 50 })
    socket.resume()
    await closed
    await isWell()
  }

  test.each<[what: string, attack: Attack]>([
    ['says nothing', () => undefined],
    ['stops in the middle of its headers', (socket) => socket.write('GET /healthz HTTP/1.1\r\nHost: loc')],
    ['sends its headers byte by byte', (socket) => drip(socket, 'GET /healthz HTTP/1.1\r\nX: 1')],
    [
      'sends a body byte by byte',
      (socket) => {
        socket.write(`${post}Content-Length: 16000\r\n\r\n`)
        drip(socket, ' ')
      },
    ],
    [
      'sends chunks byte by byte',
      (socket) => {
        socket.write(chunked)
        drip(socket, '1\r\n \r\n')
      },
    ],
    [
      'sends a body without an end where none is read',
      (socket) => {
        socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
        flood(socket, `400\r\n${' '.repeat(1_024)}\r\n`)
      },
    ],
    [
      'sends a body without an end where there is no route',
      (socket) => {
        socket.write('POST /nowhere HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
        flood(socket, `400\r\n${' '.repeat(1_024)}\r\n`)
      },
    ],
    ['keeps its connection and is idle', (socket) => socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    [
      'does not read its answers',
      (socket) => {
        socket.pause()
        // Whole requests, so that none is cut for being slow; their answers are more than any buffer between here and there.
        socket.write('GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1_000))
      },
    ],
  ])('a caller who %s is cut off in time, and others are answered', async (_what, attack) => {
    await expectCut(await serve(settings), attack)
  })

  test.each<[what: string, attack: Attack]>([
    [
      'sends headers without an end',
      (socket) => {
        socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n')
        flood(socket, `X-More: ${'x'.repeat(1_000)}\r\n`)
      },
    ],
    [
      'sends one header without an end',
      (socket) => {
        socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ')
        flood(socket, 'x'.repeat(1_000))
      },
    ],
    [
      'sends a huge number of headers',
      (socket) => {
        socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n')
        flood(socket, 'a:\r\n'.repeat(250))
      },
    ],
    [
      'sends a path without an end',
      (socket) => {
        socket.write('GET /')
        flood(socket, 'x'.repeat(1_000))
      },
    ],
    [
      'sends a body larger than its limit, in chunks without an end',
      (socket) => {
        socket.write(chunked)
        flood(socket, `400\r\n${' '.repeat(1_024)}\r\n`)
      },
    ],
    [
      'says that its body is huge, and sends it',
      (socket) => {
        socket.write(`${post}Content-Length: 999999999999\r\n\r\n`)
        flood(socket, ' '.repeat(1_024))
      },
    ],
    [
      'sends the extensions of a chunk without an end',
      (socket) => {
        socket.write(`${chunked}1`)
        flood(socket, `;${'x'.repeat(1_000)}`)
      },
    ],
    [
      'sends chunks whose every byte has an extension',
      (socket) => {
        socket.write(chunked)
        flood(socket, `1;${'x'.repeat(100)}\r\n \r\n`)
      },
    ],
    [
      'sends trailers without an end',
      (socket) => {
        socket.write(`${chunked}2\r\n{}\r\n0\r\n`)
        flood(socket, `X-More: ${'x'.repeat(1_000)}\r\n`)
      },
    ],
  ])('a caller who %s is cut off for its size, and others are answered', async (_what, attack) => {
    await expectCut(await serve(patient), attack)
  })

  test('a wait is longer than every one of these times', async () => {
    const { dial, service } = await serve(settings)
    await service.acquire('a', { create: { limit: 1 } })
    const { socket, received } = await dial()
    const body = '{"waitMs":900}'
    socket.write(`${post}Content-Length: ${body.length}\r\n\r\n${body}`)
    await vi.waitFor(() => expect(received()).toContain('ACQUIRE_TIMEOUT'), 10_000)
  })

  test('connections beyond the limit are closed at once, until one is free', async () => {
    const { dial } = await serve({ ...patient, connectionsMax: 2 })
    const [one] = [await dial(), await dial()]
    const third = await dial()
    await third.closed
    expect(third.received()).toBe('')
    one.socket.destroy()
    await vi.waitFor(async () => {
      const { socket, received } = await dial()
      socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
      await vi.waitFor(() => expect(received()).toMatch(/^HTTP\/1.1 200 /), 500)
    }, 10_000)
  })
})

describe('a handshake of TLS', () => {
  test.each<[what: string, attack: Attack]>([
    ['that never begins', () => undefined],
    ['that stops', (socket) => socket.write('\u0016\u0003\u0001\u0002\u0000\u0001')],
    ['that comes byte by byte', (socket) => drip(socket, '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001')],
    ['that is plain HTTP', (socket) => socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['that is noise', (socket) => flood(socket, 'noise')],
  ])('%s is cut off', async (_what, attack) => {
    const service = openService({ tls: certificate, settings })
    const socket = connect(await service.listen(), '127.0.0.1')
    const { closed, received } = watch(socket)
    await once(socket, 'connect')
    attack(socket)
    await closed
    expect(received()).not.toContain('HTTP')
  })
})
