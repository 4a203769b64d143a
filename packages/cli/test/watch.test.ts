import { createServer } from 'node:http'
import { once } from 'node:events'
import { expect, onTestFinished, test, vi } from 'vitest'
import { durationText } from '../src/duration.js'
import { aged, boardAfter, emptyBoard } from '../src/watch/board.js'
import { apiKeyLine, freshName, serve, serveAll } from './service.js'
import { hasScript, onTerminal, signalbox, soon, type Running } from './signalbox.js'

const shared = serveAll()

interface Line {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

const linesOf = (running: Running): Line[] =>
  running
    .stdout()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)

const eventually = (running: Running, event: string, text: string): Promise<void> =>
  vi.waitFor(() => {
    const found = linesOf(running).filter((line) => line.event === event && JSON.stringify(line.data).includes(text))
    expect(found, running.stdout() + running.stderr()).not.toEqual([])
  }, soon)

test('what is no terminal gets an event a line, until Ctrl-C', async () => {
  const name = freshName()
  const running = signalbox(shared().url, ['watch', '--prefix', name])
  await eventually(running, 'snapshot', '"semaphores":[]')
  await shared().send('POST', `/v1/semaphores/${name}/acquire`, { ttlMs: 600_000, create: { limit: 1 } })
  await eventually(running, 'changes', '"used":1')
  await shared().send('DELETE', `/v1/semaphores/${name}?force=true`)
  await eventually(running, 'changes', `"removed":["${name}"]`)
  running.child.kill('SIGINT')
  expect([await running.ended, running.stderr()]).toEqual([0, ''])
})

test('of one semaphore it tells who holds; of a service that is away, that it is', async () => {
  const service = await serve()
  await service.send('POST', '/v1/semaphores/one/acquire', { holder: 'me', ttlMs: 600_000, create: { limit: 1 } })
  const running = signalbox(service.url, ['watch', 'one', '--json'])
  await eventually(running, 'snapshot', '"holder":"me"')
  service.kill()
  await eventually(running, 'disconnected', 'why')
  running.child.kill('SIGTERM')
  expect(await running.ended).toBe(0)
})

test('connects again, and ends when it is refused', async () => {
  let connections = 0
  const server = createServer((_request, response) => {
    connections += 1
    if (connections === 3) {
      response.writeHead(403, { 'content-type': 'application/problem+json' })
      response.end(JSON.stringify({ code: 'FORBIDDEN', detail: 'The key was withdrawn.' }))
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(`event: snapshot\ndata: {"semaphores":[],"truncated":false,"connection":${String(connections)}}\n\n`)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  const url = `http://127.0.0.1:${String(typeof address === 'object' ? address?.port : undefined)}`
  const running = signalbox(url, ['watch', '--json'])
  expect(await running.ended).toBe(77)
  expect(running.stderr()).toBe('signalbox: The key was withdrawn.\n')
  expect(linesOf(running).map(({ event, data }) => data['connection'] ?? event)).toEqual([
    1,
    'disconnected',
    2,
    'disconnected',
  ])
})

test.each([
  ['a page, and no stream', 'text/html', '<html>', 76],
  ['a stream without an event', 'text/event-stream', ': hello\n\n', 69],
])('comes to nothing where something else answers: %s', async (_what, type, body, code) => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': type }).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  const url = `http://127.0.0.1:${String(typeof address === 'object' ? address?.port : undefined)}`
  const running = signalbox(url, ['watch', '--json'])
  expect(await running.ended).toBe(code)
  expect([running.stdout(), running.stderr()]).toEqual(['', expect.stringMatching(/^signalbox: .*\n$/)])
})

test('comes to nothing where there is no service (69), no key (77), or no sense (64)', async () => {
  const code = (url: string, ...args: string[]): Promise<unknown> => signalbox(url, ['watch', ...args]).ended
  expect(await code('http://127.0.0.1:1')).toBe(69)
  expect(await code(shared().url, 'a', '--prefix', 'a')).toBe(64)
  const locked = await serve({ SIGNALBOX_API_KEYS: apiKeyLine(['inspect']).line })
  expect(await code(locked.url)).toBe(77)
})

test.runIf(hasScript)('on a terminal it is a table on a screen of its own, which goes with it', async () => {
  const name = freshName()
  await shared().send('POST', `/v1/semaphores/${name}/acquire`, { holder: 'me', ttlMs: 600_000, create: { limit: 1 } })
  const running = onTerminal(shared().url, ['watch', name])
  await vi.waitFor(() => expect(running.stdout()).toContain('  me'), soon)
  expect(running.stdout()).toContain('\x1b[?1049h')
  expect(running.stdout()).not.toContain('\x1b[?1049l')
  running.child.stdin?.write('\x03')
  expect(await running.ended).toBe(0)
  expect(running.stdout()).toContain('\x1b[?1049l')
})

test('a board is what its events make of it, and grows older in between', () => {
  const of = (name: string, waiting = 0): object => ({
    name,
    limit: 1,
    bounded: true,
    used: 1,
    waiting,
    oldestWaitMs: waiting * 1_000,
    grantsPerS: 0,
  })
  const first = boardAfter(emptyBoard, { event: 'snapshot', data: { semaphores: [of('b'), of('a')], truncated: true } })
  expect([first.semaphores.map(({ name }) => name), first.truncated, first.trouble]).toEqual([
    ['a', 'b'],
    true,
    undefined,
  ])
  const then = boardAfter(first, { event: 'changes', data: { changed: [of('b', 2), of('c')], removed: ['a'] } })
  expect(then.semaphores.map(({ name }) => name)).toEqual(['b', 'c'])
  expect(aged(then, 3_000).semaphores.map(({ oldestWaitMs }) => durationText(oldestWaitMs))).toEqual(['5 s', '0 ms'])
  expect(boardAfter(then, { event: 'unavailable', data: {} }).trouble).toMatch(/store/)
  expect(boardAfter(then, { event: 'of-a-newer-service', data: {} })).toBe(then)
})
