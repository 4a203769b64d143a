import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { createServer, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { SignalboxClient, UnavailableError, type ClientOptions, type SemaphoreState } from '../src/index.js'
import { nodeFetch, type NodeHttp } from '../src/node-http.js'
import { startService } from './service.js'
import { json, startStranger } from './stranger.js'

// What is written down there of Node's modules is true of them: else this would not compile.
const modules: readonly NodeHttp[] = [http, https]

const state: SemaphoreState = {
  name: 'reports',
  limit: 1,
  bounded: true,
  used: 0,
  available: 1,
  waiting: 0,
  oldestWaitMs: 0,
}
const page = { items: [state], nextCursor: null }
const body = JSON.stringify(page)
const ok = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`

const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)

interface Peer {
  readonly url: string
  /** One for each connection, ever. */
  readonly sockets: readonly Socket[]
}

/** Does to each request, on the connection it came by, what the test says. */
async function startPeer(answer: (socket: Socket) => void, host = '127.0.0.1'): Promise<Peer> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    // A client that cuts its connection is what some tests are about.
    socket.on('error', () => undefined)
    socket.on('data', () => answer(socket))
  })
  server.listen(0, host)
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The peer has no port')
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`, sockets }
}

/** One GET. */
async function list(url: string, signal?: AbortSignal): Promise<unknown> {
  const client = new SignalboxClient({ url, retryForMs: 0, timeoutMs: 10_000 })
  return (await client.semaphores({ signal }).next()).value
}

/** Whether a request went by `fetch`, which sends a header of its own. */
async function isByFetch(options: ClientOptions): Promise<boolean> {
  const stranger = await startStranger()
  onTestFinished(() => stranger.stop())
  stranger.answer = (_request, response) => json(response, 200, page)
  await new SignalboxClient({ url: stranger.url, ...options }).semaphores().next()
  return stranger.requests[0]?.headers['sec-fetch-mode'] !== undefined
}

describe('on Node the SDK sends by its module of HTTP', () => {
  it('and by fetch where the program says how, or has put another in its place', async () => {
    expect(modules).toHaveLength(2)
    expect(await isByFetch({})).toBe(false)
    expect(await isByFetch({ fetch })).toBe(true)
    expect(await isByFetch({ fetchOptions: {} })).toBe(true)
    const { fetch: theirs } = globalThis
    vi.stubGlobal('fetch', (...asked: Parameters<typeof fetch>) => theirs(...asked))
    expect(await isByFetch({})).toBe(true)
  })

  it.each(['Cloudflare-Workers', 'Bun/1.3.1', 'Deno/2.5.0', 'Mozilla/5.0 Electron/38'])(
    'and not on what only looks like it: %s',
    (userAgent) => {
      expect(nodeFetch()).toBeDefined()
      vi.stubGlobal('navigator', { userAgent })
      expect(nodeFetch()).toBeUndefined()
    },
  )

  it('over one connection, call after call, and not over one that was closed meanwhile', async () => {
    const peer = await startPeer((socket) => socket.write(ok))
    for (let calls = 0; calls < 5; calls++) expect(await list(peer.url)).toEqual(state)
    expect(peer.sockets).toHaveLength(1)
    peer.sockets[0]?.destroy()
    expect(await list(peer.url)).toEqual(state)
    expect(peer.sockets).toHaveLength(2)
  })

  it.each([{ maxSockets: 2 }, { maxTotalSockets: 2 }])(
    'over as many connections as it needs, though the program allows its own %j: waiters must not hold up a renewal',
    async (limits) => {
      const service = await startService()
      const before = http.globalAgent
      onTestFinished(() => void (http.globalAgent = before))
      http.globalAgent = new http.Agent({ keepAlive: true, ...limits })
      vi.resetModules()
      const { SignalboxClient: Client } = await import('../src/index.js')
      const client = new Client({ url: service.url, timeoutMs: 1_000, retryForMs: 0 })
      onTestFinished(() => client.close())
      const semaphore = client.semaphore('reports', 1)
      const lease = await semaphore.acquire()
      const waiting = Array.from({ length: 4 }, () => semaphore.run(() => undefined))
      await vi.waitFor(async () => expect(await service.state('reports')).toMatchObject({ waiting: 4 }))
      await lease.renew()
      await lease.release()
      await Promise.all(waiting)
    },
  )

  it('once more, at once, when the connection ends instead of an answer', async () => {
    let requests = 0
    const peer = await startPeer((socket) => (++requests === 2 ? socket.destroy() : socket.write(ok)))
    await list(peer.url)
    expect(await list(peer.url)).toEqual(state)
    expect(requests).toBe(3)
  })

  it.runIf(hasIPv6)('by IPv6', async () => {
    const peer = await startPeer((socket) => socket.write(ok), '::1')
    expect(await list(peer.url)).toEqual(state)
  })

  it('and closes the connection of a call that is aborted, before its answer or in the middle of it', async () => {
    for (const begun of ['', ok.slice(0, -10)]) {
      const controller = new AbortController()
      const peer = await startPeer((socket) => {
        socket.write(begun)
        setImmediate(() => controller.abort('enough'))
      })
      await expect(list(peer.url, controller.signal)).rejects.toBe('enough')
      await vi.waitFor(() => expect(peer.sockets[0]?.closed).toBe(true))
      expect(peer.sockets).toHaveLength(1)
    }
  })

  it.each([
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', /closed/],
    ['no HTTP', '+OK\r\n', /Parse Error/],
  ])('and takes %s for no answer', async (_what, text, reason) => {
    const peer = await startPeer((socket) => socket.write(text))
    const failing = list(peer.url)
    await expect(failing).rejects.toBeInstanceOf(UnavailableError)
    await expect(failing).rejects.toThrow(reason)
  })

  it('and says why nobody answers, be it at one address or at several', async () => {
    await expect(list('http://127.0.0.1:1')).rejects.toThrow('ECONNREFUSED')
    const error = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' })
    const client = new SignalboxClient({ retryForMs: 0, fetch: () => Promise.reject(error) })
    await expect(client.semaphores().next()).rejects.toThrow('ECONNREFUSED')
  })
})
