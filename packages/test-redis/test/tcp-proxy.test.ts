import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { startTcpProxy } from '../src/index.js'
import type { TcpProxy } from '../src/index.js'

describe('the faulty proxy', () => {
  let echo: Server
  let proxy: TcpProxy
  let atServer: string
  const clients: Socket[] = []

  beforeEach(async () => {
    atServer = ''
    echo = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (data) => {
        atServer += data.toString()
        socket.write(data)
      })
    }).listen(0, '127.0.0.1')
    await once(echo, 'listening')
    const address = echo.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    proxy = await startTcpProxy({ host: '127.0.0.1', port: address.port })
  })
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy()
    await proxy.close()
    echo.close()
  })

  async function connect(): Promise<{ socket: Socket; received: () => string; isClosed: () => boolean }> {
    const socket = createConnection({ host: proxy.host, port: proxy.port })
    clients.push(socket)
    let text = ''
    let closed = false
    socket.on('data', (data) => (text += data.toString()))
    socket.on('error', () => undefined)
    socket.on('close', () => (closed = true))
    await once(socket, 'connect')
    return { socket, received: () => text, isClosed: () => closed }
  }

  const soon = (ms = 60): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

  it('passes everything as it is', async () => {
    const client = await connect()
    client.socket.write('a')
    await vi.waitFor(() => expect(client.received()).toBe('a'))
    expect(proxy.connections).toBe(1)
  })

  it('leads new connections elsewhere when told to, and ends the old', async () => {
    const client = await connect()
    const elsewhere = createServer((socket) => socket.end('elsewhere')).listen(0, '127.0.0.1')
    await once(elsewhere, 'listening')
    const address = elsewhere.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    proxy.pointTo({ host: '127.0.0.1', port: address.port })
    await vi.waitFor(() => expect(client.isClosed()).toBe(true))
    const next = await connect()
    await vi.waitFor(() => expect(next.received()).toBe('elsewhere'))
    elsewhere.close()
  })

  it('asks a function where each connection goes', async () => {
    const { host, port } = proxy
    const targets = [
      { host, port: 1 },
      { host, port },
    ]
    const router = await startTcpProxy(() => targets.shift() ?? { host, port })
    onTestFinished(() => router.close())
    const reaches = async (): Promise<boolean> => {
      const socket = createConnection({ host: router.host, port: router.port })
      clients.push(socket)
      socket.on('error', () => undefined)
      socket.write('a')
      return Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)])
    }
    expect(await reaches()).toBe(false)
    expect(await reaches()).toBe(true)
  })

  it('cuts what is open, and takes new connections', async () => {
    const client = await connect()
    client.socket.write('a')
    await vi.waitFor(() => expect(client.received()).toBe('a'))
    proxy.cut()
    await vi.waitFor(() => expect(client.isClosed()).toBe(true))
    const next = await connect()
    next.socket.write('b')
    await vi.waitFor(() => expect(next.received()).toBe('b'))
  })

  it('refuses, and accepts again at the same port', async () => {
    const { port } = proxy
    await proxy.refuse()
    await expect(connect()).rejects.toThrow(/ECONNREFUSED/)
    await proxy.accept()
    expect(proxy.port).toBe(port)
    await connect()
  })

  it('holds in silence, new connections too, and passes the held bytes later', async () => {
    const before = await connect()
    await vi.waitFor(() => expect(proxy.connections).toBe(1))
    proxy.hold()
    const after = await connect()
    before.socket.write('a')
    after.socket.write('b')
    await soon()
    expect([atServer, before.received(), before.isClosed(), after.isClosed()]).toEqual(['', '', false, false])
    proxy.heal()
    await vi.waitFor(() => expect([before.received(), after.received()]).toEqual(['a', 'b']))
  })

  it('loses replies, for good', async () => {
    const client = await connect()
    proxy.loseReplies()
    client.socket.write('a')
    await vi.waitFor(() => expect(atServer).toBe('a'))
    await soon()
    expect(client.received()).toBe('')
    proxy.heal()
    await vi.waitFor(() => expect(client.isClosed()).toBe(true))
    expect(client.received()).toBe('')
  })

  it('loses the reply to one request, and the connection with it', async () => {
    const client = await connect()
    const lost = proxy.loseReplyTo('needle')
    client.socket.write('hay')
    await vi.waitFor(() => expect(client.received()).toBe('hay'))
    client.socket.write('a needle here')
    await lost
    expect(atServer).toBe('haya needle here')
    await vi.waitFor(() => expect(client.isClosed()).toBe(true))
    expect(client.received()).toBe('hay')
  })

  it('loses one reply and keeps the connection', async () => {
    const client = await connect()
    const lost = proxy.loseReplyTo('needle', { keepConnection: true })
    client.socket.write('needle')
    await lost
    client.socket.write('b')
    await vi.waitFor(() => expect(client.received()).toBe('b'))
  })

  it('delays, in order', async () => {
    const client = await connect()
    proxy.delayMs = 50
    const startedAt = performance.now()
    client.socket.write('a')
    await soon(10)
    proxy.delayMs = 0
    client.socket.write('b')
    await vi.waitFor(() => expect(client.received()).toBe('ab'))
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(49)
  })
})
