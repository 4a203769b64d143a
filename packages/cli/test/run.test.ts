import { createServer } from 'node:http'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { apiKeyLine, freshName, serve, serveAll, type Service } from './service.js'
import { childrenOf, hasScript, onTerminal, signalbox, soon, type Running } from './signalbox.js'

const shared = serveAll()

async function outcome(
  service: Service,
  ...args: string[]
): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const running = signalbox(service.url, args)
  const code = await running.ended
  return { code, stdout: running.stdout(), stderr: running.stderr() }
}

const countSignals = fileURLToPath(new URL('programs/count-signals.mjs', import.meta.url))
const counting = (...signals: string[]): string[] => [process.execPath, countSignals, ...signals]

describe('the command', () => {
  test('gets its arguments as they are, the fence, and the input; what it prints and its exit code come back', async () => {
    const service = shared()
    const name = freshName()
    const script = 'read line; echo "$line|$SIGNALBOX_SEMAPHORE|$SIGNALBOX_FENCE|$@"; echo oops >&2; exit 7'
    const running = signalbox(service.url, [
      'run',
      name,
      '--limit',
      '2',
      '--',
      'sh',
      '-c',
      script,
      'sh',
      '--all',
      '-x',
      '--',
      'a b',
    ])
    running.child.stdin?.end('in\n')
    expect(await running.ended).toBe(7)
    expect(running.stdout()).toMatch(/^in\|job-\d+\|\d{16}\|--all -x -- a b\n$/)
    expect(running.stderr()).toBe('oops\n')
    expect(await service.state(name)).toMatchObject({ limit: 2, used: 0 })
  })

  test('holds as many permits as it was to, renewed beyond their ttl, until it has ended', async () => {
    const service = shared()
    const name = freshName()
    const running = signalbox(service.url, [
      'run',
      name,
      '-l',
      '5',
      '-p',
      '3',
      '--ttl',
      '600ms',
      '--',
      ...counting('SIGINT'),
    ])
    await running.said('ready')
    running.child.kill('SIGINT')
    await running.said('SIGINT')
    await vi.waitFor(async () => {
      const [lease] = await service.leases(name)
      expect(lease?.heldMs).toBeGreaterThan(1_500)
    }, soon)
    expect(await service.state(name)).toMatchObject({ used: 3 })
    running.child.stdin?.end()
    expect(await running.ended).toBe(0)
    expect(await service.state(name)).toMatchObject({ used: 0 })
  })

  test('gives its lease back once, and does not leave it to its ttl', async () => {
    const service = await serve()
    const script = 'test -z "$NODE_CHANNEL_FD" && test ! -e /dev/fd/3'
    expect(await outcome(service, 'run', 'job', '--', 'sh', '-c', script)).toEqual({ code: 0, stdout: '', stderr: '' })
    const metrics = await (await fetch(`${service.url}/metrics`)).text()
    const releases = metrics.match(/^signalbox_http_request_seconds_count\{.*\/release".*/gm)
    expect(releases).toEqual([expect.stringMatching(/status="200"\} 1$/)])
    expect(metrics).toContain('signalbox_leases_expired_total 0')
  })

  test('leaves what it has put into the background, when it ends by itself', async () => {
    const service = shared()
    const name = freshName()
    const running = signalbox(service.url, [
      'run',
      name,
      '--',
      'sh',
      '-c',
      'sleep 300 >/dev/null 2>&1 & echo background $!',
    ])
    expect(await running.ended).toBe(0)
    const pid = await running.said('background')
    expect(process.kill(pid, 'SIGKILL')).toBe(true)
  })

  test('shares a semaphore that an SDK’s Semaphore made: of the other kind', async () => {
    const service = shared()
    const name = freshName()
    await service.send('PUT', `/v1/semaphores/${name}`, { limit: 3, bounded: false })
    expect(await outcome(service, 'run', name, '--', 'echo', 'done')).toMatchObject({ code: 0, stdout: 'done\n' })
  })

  test('is told of another limit than --limit says', async () => {
    const service = shared()
    const name = freshName()
    await service.send('PUT', `/v1/semaphores/${name}`, { limit: 3 })
    await service.send('PUT', `/v1/semaphores/${name}`, { limit: 4 })
    const { code, stderr } = await outcome(service, 'run', name, '--limit', '2', '--', 'true')
    expect([code, stderr]).toEqual([
      0,
      `signalbox: ${name} has limit 4, which --limit 2 does not change: signalbox set does\n`,
    ])
  })
})

describe('a signal', () => {
  test('reaches the child once; what npx repeats is not repeated, and a second Ctrl-C is', async () => {
    const service = shared()
    const name = freshName()
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const
    const running = signalbox(service.url, ['run', name, '--', ...counting(...signals)])
    await running.said('ready')
    for (const signal of signals) {
      running.child.kill(signal)
      expect(await running.said(signal)).toBe(1)
    }
    await vi.waitFor(() => {
      // Whatever of it comes within a moment of the first is its echo.
      running.child.kill('SIGINT')
      expect(running.stdout()).toContain('SIGINT 2')
    }, soon)
    running.child.stdin?.end()
    expect(await running.ended).toBe(0)
    expect(running.stdout()).not.toContain('SIGTERM 2')
  })

  test('that comes as two within a moment is one', async () => {
    const service = shared()
    const name = freshName()
    const running = signalbox(service.url, ['run', name, '--', ...counting('SIGINT', 'SIGUSR1')])
    await running.said('ready')
    running.child.kill('SIGINT')
    await running.said('SIGINT')
    running.child.kill('SIGINT')
    // Signals are passed on in order: had the second been, it would have come before this one.
    running.child.kill('SIGUSR1')
    await running.said('SIGUSR1')
    running.child.stdin?.end()
    expect(await running.ended).toBe(0)
    expect(running.stdout()).not.toContain('SIGINT 2')
  })

  test('of Ctrl-Z stops nobody: a lease that nobody renews would be lost', async () => {
    const service = shared()
    const name = freshName()
    const running = signalbox(service.url, ['run', name, '--', ...counting('SIGTSTP')])
    await running.said('ready')
    running.child.kill('SIGTSTP')
    await vi.waitFor(() => expect(running.stderr()).toContain('Ctrl-Z'), soon)
    running.child.stdin?.end()
    expect(await running.ended).toBe(0)
  })
})

describe.runIf(hasScript)('on a terminal', () => {
  const run = (service: Service, name: string, options: string[], signals: string[]): Running =>
    onTerminal(service.url, ['run', name, ...options, '--', ...counting(...signals)])

  const plain = (running: Running): string => running.stdout().replaceAll('\x1b[K', '')

  test.each([[[]], [['--foreground']]])('Ctrl-C reaches the child once (%j)', async (options) => {
    const service = shared()
    const name = freshName()
    const running = run(service, name, options, ['SIGINT', 'SIGQUIT'])
    await running.said('ready')
    running.child.stdin?.write('\x03')
    await running.said('SIGINT')
    const [pid = NaN] = childrenOf(running.pid)
    // They are passed on in order: had Ctrl-C come twice, the terminal's and one passed on, that would be here before this.
    process.kill(pid, 'SIGQUIT')
    await running.said('SIGQUIT')
    expect(running.stdout()).not.toContain('SIGINT 2')
    await vi.waitFor(() => {
      process.kill(pid, 'SIGINT')
      expect(running.stdout()).toContain('SIGINT 2')
    }, soon)
    running.child.stdin?.write('\x04')
    expect(await running.ended).toBe(0)
  })

  test('the place in the queue is shown long before the service tells it by itself', async () => {
    const service = await serve({ SIGNALBOX_CAP_MS: '25000' })
    const name = freshName()
    await service.send('POST', `/v1/semaphores/${name}/acquire`, { ttlMs: 600_000, create: { limit: 1 } })
    const ahead = service.send('POST', `/v1/semaphores/${name}/acquire`, { waitMs: 25_000 })
    await vi.waitFor(async () => expect(await service.state(name)).toMatchObject({ waiting: 1 }), soon)
    const running = run(service, name, [], ['SIGINT'])
    await vi.waitFor(() => expect(plain(running)).toContain(': 2nd in the queue, 1 permit, '), soon)
    running.child.stdin?.write('\x03')
    expect(await running.ended).toBe(130)
    await service.stop()
    await ahead
  })

  test('the wait is shown on one line, and goes when it is over', async () => {
    const service = shared()
    const name = freshName()
    const { leaseId } = (await service.send('POST', `/v1/semaphores/${name}/acquire`, { create: { limit: 1 } })) as {
      leaseId: string
    }
    const running = run(service, name, [], ['SIGINT'])
    await vi.waitFor(
      () => expect(plain(running)).toMatch(/\rsignalbox: waiting for job-\d+: 1st in the queue, 1 permit, \d+ (ms|s)/),
      soon,
    )
    await service.send('POST', `/v1/semaphores/${name}/release`, { leaseId })
    await running.said('ready')
    expect(plain(running)).toMatch(/\rsignalbox: granted after \d+ m?s\r\nready/)
    running.child.stdin?.write('\x04')
    expect(await running.ended).toBe(0)
  })
})

describe('exits with', () => {
  const rows: [what: string, code: number, args: string[]][] = [
    ['success', 0, ['run', 'a', '--', 'true']],
    ['the code of its child', 42, ['run', 'a', '--', 'sh', '-c', 'exit 42']],
    ['64 for a duration without a unit', 64, ['run', 'a', '--wait', '10', '--', 'true']],
    ['64 for an option that does not exist', 64, ['run', 'a', '--limits', '1', '--', 'true']],
    ['64 without a command', 64, ['run', 'a']],
    ['64 without a command behind --', 64, ['run', 'a', '--']],
    ['64 for a command that is empty', 64, ['run', 'a', '--', '']],
    ['64 for options of a command that no -- parts from its own', 64, ['run', 'a', 'head', '-p', '3']],
    ['64 for a command of which a part stands before its --', 64, ['run', 'a', 'echo', '--', 'b']],
    ['64 for a ttl in which nothing can be renewed', 64, ['run', 'a', '--ttl', '499ms', '--', 'true']],
    ['64 for a name that none can have', 64, ['run', 'a b', '--', 'true']],
    ['64 for a ttl beyond what the service allows', 64, ['run', 'a', '--ttl', '999d', '--', 'true']],
    ['64 for a url that is none', 64, ['--url', 'nowhere', 'run', 'a', '--', 'true']],
    ['65 for more permits than there will be', 65, ['run', 'a', '--permits', '9', '--', 'true']],
    ['69 when nobody answers', 69, ['--url', 'http://127.0.0.1:1', 'run', 'a', '--wait', '100ms', '--', 'true']],
    ['75 when busy', 75, ['run', 'zero', '--limit', '0', '--wait', '0', '--', 'true']],
    ['75 when it has waited in vain', 75, ['run', 'zero', '--limit', '0', '--wait', '50ms', '--', 'true']],
    ['126 for what cannot be executed', 126, ['run', 'a', '--', '/']],
    ['126 for what is no path', 126, ['run', 'a', '--', '/dev/null/a']],
    ['127 for what is not there', 127, ['run', 'a', '--', './there-is-no-such-command']],
    ['128 and the signal that ended its child', 137, ['run', 'a', '--', 'sh', '-c', 'kill -KILL $$']],
  ]
  test.each(rows)('%s', async (_what, code, args) => {
    const result = await outcome(shared(), ...args)
    expect(result.code, result.stderr).toBe(code)
    // Whoever is refused is told why, in a line without a stack.
    if (code >= 64 && code <= 127) expect(result.stderr).toMatch(/^(signalbox|error): .+\n/)
    expect(result.stderr).not.toMatch(/\n\s+at /)
  })

  test('and where nobody answers, once that it tries again', async () => {
    const args = ['--url', 'http://127.0.0.1:1', 'run', 'a', '--wait', '500ms', '--', 'true']
    const { stderr } = await outcome(shared(), ...args)
    expect(stderr.match(/did not answer: .*; trying again/g)).toHaveLength(1)
    // Nothing can have been left with a service that has never answered.
    expect(stderr).not.toContain('was not told that this is over')
  })

  test('and where a service went away under the wait, that a lease may be left', async () => {
    const service = await serve()
    await service.send('PUT', '/v1/semaphores/a', { limit: 0 })
    const running = signalbox(service.url, ['run', 'a', '--', 'true'])
    await vi.waitFor(async () => expect(await service.state('a')).toMatchObject({ waiting: 1 }), soon)
    service.kill()
    running.child.kill('SIGTERM')
    expect(await running.ended).toBe(143)
    expect(running.stderr()).toContain('was not told that this is over; if there is a lease, its ttl ends it')
  })

  test('77 without a key', async () => {
    const locked = await serve({ SIGNALBOX_API_KEYS: apiKeyLine(['acquire']).line })
    expect((await outcome(locked, 'run', 'a', '--', 'true')).code).toBe(77)
  })

  test('76 when it is no Signalbox that answers', async () => {
    const server = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    expect((await outcome(shared(), '--url', `http://127.0.0.1:${String(port)}`, 'run', 'a', '--', 'true')).code).toBe(
      76,
    )
  })
})
