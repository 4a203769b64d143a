import { createServer } from 'node:http'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { apiKeyLine, freshName, serve, serveAll } from './service.js'
import { hasScript, main, onTerminal, signalbox, start } from './signalbox.js'

const shared = serveAll()

async function outcome(args: readonly string[], url = shared().url, env = {}): Promise<Outcome> {
  const running = signalbox(url, args, env)
  const code = await running.ended
  return { code, stdout: running.stdout(), stderr: running.stderr() }
}

interface Outcome {
  readonly code: unknown
  readonly stdout: string
  readonly stderr: string
}

const json = async (...args: string[]): Promise<unknown> => {
  const { stdout, stderr } = await outcome([...args, '--json'])
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

/** A semaphore of two, one permit held by a holder, one wait for two. */
async function busy(): Promise<string> {
  const name = freshName()
  await shared().send('POST', `/v1/semaphores/${name}/acquire`, {
    holder: 'host:1',
    ttlMs: 600_000,
    create: { limit: 2 },
  })
  return name
}

test('set creates, resizes and pauses; it leaves the kind as it is', async () => {
  const name = freshName()
  expect(await json('set', name, '--limit', '3')).toMatchObject({ name, limit: 3, bounded: true })
  expect((await outcome(['set', name, '-l', '0'])).stdout).toMatch(
    new RegExp(`^NAME .*\\n${name} +0 +0 +0 +- +bounded\\n$`),
  )
  await shared().send('PUT', `/v1/semaphores/${name}`, { limit: 1, bounded: false })
  expect(await json('set', name, '--limit', '2')).toMatchObject({ limit: 2, bounded: false })
})

test('ls lists all, or those with a prefix, in the order of their names', async () => {
  for (const name of ['ls:b', 'ls:a', 'other']) await shared().send('PUT', `/v1/semaphores/${name}`, { limit: 1 })
  const names = (listed: unknown): string[] => (listed as { name: string }[]).map(({ name }) => name)
  expect(names(await json('ls', 'ls:'))).toEqual(['ls:a', 'ls:b'])
  expect(names(await json('ls'))).toContain('other')
  const { stdout } = await outcome(['ls', 'ls:'])
  expect(stdout.split('\n').map((line) => line.split(' ')[0])).toEqual(['NAME', 'ls:a', 'ls:b', ''])
  expect(await outcome(['ls', 'nothing-has-this'])).toEqual({ code: 0, stdout: '', stderr: '' })
})

describe('show', () => {
  test('names who holds, and release takes it back by the fence', async () => {
    const name = await busy()
    const shown = (await json('show', name)) as { leases: { fence: number }[] }
    expect(shown).toMatchObject({ name, used: 1, leases: [{ holder: 'host:1', permits: 1 }], waiters: [] })
    const fence = String(shown.leases[0]?.fence)
    const text = (await outcome(['show', name])).stdout
    expect(text).toMatch(new RegExp(`\\n${fence} +1 +\\d+ m?s +9 min \\d+ s  host:1\\n`))
    expect(await json('release', name, '--fence', fence)).toMatchObject({ state: 'released', fence: Number(fence) })
    expect(await shared().state(name)).toMatchObject({ used: 0 })
    // Once: a second time there is no such lease.
    expect((await outcome(['release', name, '--fence', fence])).code).toBe(66)
  })

  test('names everybody, however many pages that are', async () => {
    const service = await serve({ SIGNALBOX_PAGE_SIZE_MAX: '2' })
    const acquire = (body: object): Promise<unknown> => service.send('POST', '/v1/semaphores/many/acquire', body)
    for (const holder of ['a', 'b', 'c', 'd', 'e']) await acquire({ holder, ttlMs: 600_000, create: { limit: 5 } })
    const waiting = acquire({ holder: 'w', waitMs: 20_000 })
    const { stdout } = await outcome(['show', 'many'], service.url)
    const last = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ').at(-1))
    expect(last).toEqual(expect.arrayContaining(['a', 'b', 'c', 'd', 'e']))
    await service.stop()
    await waiting
  })

  test('what is not there is 66', async () => {
    const { code, stderr } = await outcome(['show', freshName()])
    expect(code).toBe(66)
    expect(stderr).toMatch(/^signalbox: .*\n$/)
  })
})

test('rm leaves what is in use alone (75), unless it is forced', async () => {
  const name = await busy()
  expect((await outcome(['rm', name])).code).toBe(75)
  expect(await json('rm', name, '--force')).toEqual({ state: 'removed', name })
  expect(await shared().state(name)).toBeNull()
  expect((await outcome(['rm', name])).code).toBe(66)
})

describe('keygen', () => {
  test('makes a key that the service takes, and that may do what it says', async () => {
    const made = (await json('keygen', '--scope', 'inspect,acquire', '--prefix', 'a', '--name', 'ci')) as {
      key: string
      line: string
    }
    expect(made.line).toMatch(/^sha256:[0-9a-f]{64} scopes=inspect,acquire prefix=a name=ci$/)
    expect(made.line).not.toContain(made.key)
    const service = await serve({ SIGNALBOX_API_KEYS: made.line })
    const env = { SIGNALBOX_API_KEY: made.key }
    expect((await outcome(['run', 'a', '--', 'true'], service.url, env)).code).toBe(0)
    expect((await outcome(['ls', '--json'], service.url, env)).stdout).toContain('"a"')
    expect((await outcome(['run', 'b', '--', 'true'], service.url, env)).code).toBe(77)
    expect((await outcome(['set', 'a', '--limit', '1'], service.url, env)).code).toBe(77)
    expect((await outcome(['rm', 'a'], service.url, env)).code).toBe(77)
    expect((await outcome(['ls'], service.url)).code).toBe(77)
  })

  test.each([
    [['--scope', 'read']],
    [['--scope', 'acquire', '--prefix', '{']],
    [['--scope', 'acquire', '--name', 'a b']],
    [[]],
  ])('%j is 64, and makes none', async (args) => {
    const { code, stdout } = await outcome(['keygen', ...args])
    expect([code, stdout]).toEqual([64, ''])
  })
})

describe('what is said', () => {
  test('has colours on a terminal only, and none there by NO_COLOR', async () => {
    const name = await busy()
    await shared().send('PUT', `/v1/semaphores/${name}`, { limit: 1 })
    expect((await outcome(['show', name], undefined, { FORCE_COLOR: '1' })).stdout).not.toContain('\x1b')
    if (!hasScript) return
    const shown = async (env: Record<string, string>): Promise<string> => {
      const running = onTerminal(shared().url, ['show', name], env)
      expect(await running.ended).toBe(0)
      return running.stdout()
    }
    expect(await shown({ NO_COLOR: '' })).toContain('\x1b[33m')
    expect(await shown({ NO_COLOR: '1' })).not.toContain('\x1b')
  })

  test('to a reader who has enough ends it quietly', async () => {
    const service = shared()
    for (let i = 0; i < 50; i++) await service.send('PUT', `/v1/semaphores/pipe-${String(i)}`, { limit: 1 })
    const running = signalbox(service.url, ['ls'])
    running.child.stdout?.destroy()
    expect([await running.ended, running.stderr()]).toEqual([0, ''])
  })

  test('is JSON also where every request is told', async () => {
    const { stdout, stderr } = await outcome(['ls', '--json'], undefined, { SIGNALBOX_LOG: 'debug' })
    expect(JSON.parse(stdout)).toBeInstanceOf(Array)
    expect(stderr).toContain('GET /v1/semaphores')
  })

  test.runIf(process.platform === 'linux')('to a disk that is full is not done: 70, and why', async () => {
    await shared().send('PUT', `/v1/semaphores/${freshName()}`, { limit: 1 })
    for (const words of [['ls'], ['keygen', '--scope', 'acquire']]) {
      const line = `exec ${[process.execPath, main, ...words].map((word) => `'${word}'`).join(' ')} > /dev/full`
      const running = start('sh', ['-c', line], { SIGNALBOX_URL: shared().url })
      expect(await running.ended).toBe(70)
      expect(running.stderr()).toMatch(/^signalbox: the output cannot be written: ENOSPC.*\n$/)
    }
  })

  test('of a service that is away is 69, of something else 76', async () => {
    for (const args of [
      ['ls'],
      ['show', 'a'],
      ['set', 'a', '--limit', '1'],
      ['rm', 'a'],
      ['release', 'a', '--fence', '1'],
    ])
      expect((await outcome(args, 'http://127.0.0.1:1')).code, args.join(' ')).toBe(69)
    let status = 200
    let body = '<html>'
    const server = createServer((_request, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const address = server.address()
    const url = `http://127.0.0.1:${String(typeof address === 'object' ? address?.port : undefined)}`
    for (const args of [['ls'], ['rm', 'a'], ['release', 'a', '--fence', '1']])
      expect((await outcome(args, url)).code, args.join(' ')).toBe(76)
    status = 404
    expect((await outcome(['rm', 'a'], url)).code).toBe(76)
    body = '{"code":"OF_ANOTHER_PROGRAM"}'
    expect((await outcome(['rm', 'a'], url)).code).toBe(76)
  })

  test('of a service that a proxy answers for is 69, whatever the command', async () => {
    const statuses = [408, 429, 502, 503, 504]
    for (const status of statuses) {
      const server = createServer((_request, response) => response.writeHead(status).end('<html>'))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      onTestFinished(() => void server.close())
      const address = server.address()
      const url = `http://127.0.0.1:${String(typeof address === 'object' ? address?.port : undefined)}`
      // One that the SDK sends, and one that it has no call for.
      for (const args of [['ls'], ['rm', 'a']])
        expect((await outcome(args, url)).code, `${args.join(' ')}: ${String(status)}`).toBe(69)
      if (status !== 502) continue
      for (const args of [
        ['show', 'a'],
        ['set', 'a', '-l', '1'],
        ['watch'],
        ['doctor'],
        ['run', 'a', '-w', '0', '--', 'true'],
      ])
        expect((await outcome(args, url)).code, args.join(' ')).toBe(69)
    }
  })

  test('of a key with control characters repeats neither it nor them', async () => {
    const { key } = apiKeyLine(['inspect'])
    const { code, stderr } = await outcome(['ls'], undefined, { SIGNALBOX_API_KEY: `${key}\n` })
    expect(code).toBe(64)
    expect(stderr).not.toContain(key)
  })
})
