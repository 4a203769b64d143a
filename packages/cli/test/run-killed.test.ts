import { startTcpProxy } from '@signalbox/test-redis'
import { expect, onTestFinished, test, describe, vi } from 'vitest'
import { freshName, serve, serveAll } from './service.js'
import { childrenOf, expectGone, isAlive, signalbox, soon, type Running } from './signalbox.js'

// Whoever is killed: no orphan is left, and no lease.

const shared = serveAll()
const shortTerm = ['--ttl', '2s', '--grace', '300ms']

/** A child with a child of its own; says both their pids. Killed with the test, should the command line fail to. */
async function hold(options: readonly string[] = shortTerm, traps = '', service = shared()): Promise<Held> {
  const name = freshName()
  const script = `${traps}sleep 300 & echo grandchild $!; echo child $$; wait; sleep 300`
  const running = signalbox(service.url, ['run', name, ...options, '--', 'sh', '-c', script])
  const grandchild = await running.said('grandchild')
  const child = await running.said('child')
  onTestFinished(() => {
    for (const pid of [child, grandchild].filter(isAlive)) process.kill(pid, 'SIGKILL')
  })
  const [warden = 0] = childrenOf(running.pid)
  expect(await service.state(name)).toMatchObject({ used: 1 })
  return { name, running, warden, pids: [child, grandchild] }
}

interface Held {
  readonly name: string
  readonly running: Running
  readonly warden: number
  readonly pids: readonly [number, number]
}

async function expectFree({ name }: Held): Promise<void> {
  await vi.waitFor(async () => expect(await shared().state(name)).toMatchObject({ used: 0, waiting: 0 }), soon)
}

const deaf = "trap '' TERM INT; "

describe('while it holds', () => {
  test('SIGKILL of the command line ends the child and what it started at once, long before the lease’s deadline', async () => {
    const { running, warden, pids } = await hold(['--ttl', '1h', '--grace', '300ms'])
    running.child.kill('SIGKILL')
    await expectGone(...pids, warden)
    expect(await running.ended).toBe('SIGKILL')
  })

  test('SIGKILL of its whole process group does so too, though the child does not heed SIGTERM; the ttl gives the permit back', async () => {
    const held = await hold(shortTerm, deaf)
    const { running, warden, pids } = held
    process.kill(-running.pid, 'SIGKILL')
    await expectGone(...pids, warden)
    await expectFree(held)
  })

  test('in the foreground SIGKILL of the command line ends the child, and does not end what that has started', async () => {
    const { running, warden, pids } = await hold(['--ttl', '1h', '--grace', '300ms', '--foreground'])
    const [child, grandchild] = pids
    running.child.kill('SIGKILL')
    await expectGone(child, warden)
    expect(isAlive(grandchild)).toBe(true)
    process.kill(grandchild, 'SIGKILL')
    expect(await running.ended).toBe('SIGKILL')
  })

  test('SIGKILL of the child ends what it had started: 137, and the permit is back at once', async () => {
    const held = await hold(['--ttl', '1h'])
    const { running, pids } = held
    process.kill(pids[0], 'SIGKILL')
    expect(await running.ended).toBe(137)
    expect(pids.filter(isAlive)).toEqual([])
    await expectFree(held)
  })

  test.each(['', deaf])('SIGKILL of the warden ends the child (%s), and the permit comes back: 70', async (traps) => {
    const held = await hold(['--ttl', '1h', '--grace', '300ms'], traps)
    const { running, warden, pids } = held
    process.kill(warden, 'SIGKILL')
    expect(await running.ended).toBe(70)
    expect(pids.filter(isAlive)).toEqual([])
    expect(running.stderr()).toContain('was killed')
    await expectFree(held)
  })

  test('SIGKILL of the service ends the child when the lease’s time is over: 79', async () => {
    const service = await serve()
    const { running, warden, pids } = await hold(shortTerm, '', service)
    service.kill()
    expect(await running.ended).toBe(79)
    expect([...pids, warden].filter(isAlive)).toEqual([])
    expect(running.stderr()).toContain('the lease was not renewed')
    expect(running.stderr()).toMatch(/the lease is lost|so the command was ended/)
  })

  test('a service out of reach ends the child, though it does not heed SIGTERM, before another is let in: 79', async () => {
    const service = shared()
    const { hostname, port } = new URL(service.url)
    const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
    onTestFinished(() => proxy.close())
    const outOfReach = { ...service, url: `http://${proxy.host}:${String(proxy.port)}` }
    const { name, running, pids } = await hold(['--ttl', '3s', '--grace', '500ms'], deaf, outOfReach)
    await proxy.refuse()
    const next = signalbox(service.url, ['run', name, '--', 'true'])
    await vi.waitFor(async () => expect(await service.state(name)).toMatchObject({ waiting: 1 }), soon)
    expect(await next.ended).toBe(0)
    expect(pids.filter(isAlive)).toEqual([])
    expect(await running.ended).toBe(79)
  })

  test('a lease that an operator takes back ends the child, with SIGKILL if it does not heed SIGTERM: 79', async () => {
    const held = await hold(shortTerm, deaf)
    const { running, pids } = held
    const [lease] = await shared().leases(held.name)
    await shared().send('DELETE', `/v1/semaphores/${held.name}/leases/${String(lease?.fence)}`)
    expect(await running.ended).toBe(79)
    expect(pids.filter(isAlive)).toEqual([])
    await expectFree(held)
  })

  test('SIGSTOP of the command line ends the child at the lease’s deadline; when it runs again: 79', async () => {
    const held = await hold()
    const { running, warden, pids } = held
    running.child.kill('SIGSTOP')
    await expectGone(...pids)
    await expectFree(held)
    running.child.kill('SIGCONT')
    expect(await running.ended).toBe(79)
    expect(isAlive(warden)).toBe(false)
  })

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const)(
    '%s of the command line is passed on',
    async (signal) => {
      const held = await hold(['--ttl', '1h', '--grace', '300ms'])
      const { running, pids } = held
      running.child.kill(signal)
      const code = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129, SIGQUIT: 131 }[signal]
      expect(await running.ended).toBe(code)
      await expectGone(...pids)
      await expectFree(held)
    },
  )
})

describe('while it waits', () => {
  async function wait(
    options: readonly string[] = [],
    service = shared(),
  ): Promise<{ readonly name: string; readonly running: Running }> {
    const name = freshName()
    await service.send('POST', `/v1/semaphores/${name}/acquire`, { ttlMs: 3_600_000, create: { limit: 1 } })
    const running = signalbox(service.url, ['run', name, ...options, '--', 'echo', 'started'])
    await vi.waitFor(async () => expect(await service.state(name)).toMatchObject({ waiting: 1 }), soon)
    return { name, running }
  }
  const expectLeft = (name: string): Promise<void> =>
    vi.waitFor(async () => expect(await shared().state(name)).toMatchObject({ used: 1, waiting: 0 }), soon)

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const)('%s gives the place up', async (signal) => {
    const { name, running } = await wait()
    running.child.kill(signal)
    expect(await running.ended).toBe({ SIGTERM: 143, SIGINT: 130, SIGHUP: 129, SIGQUIT: 131 }[signal])
    expect(running.stdout()).toBe('')
    await expectLeft(name)
  })

  test('SIGUSR1, which asks for no end, is for a child that there is not yet', async () => {
    const { running } = await wait(['--wait', '1s'])
    running.child.kill('SIGUSR1')
    expect(await running.ended).toBe(75)
  })

  test('SIGKILL gives the place up', async () => {
    const { name, running } = await wait()
    running.child.kill('SIGKILL')
    expect(await running.ended).toBe('SIGKILL')
    await expectLeft(name)
  })

  test('SIGKILL of the service is 69, once the wait is over', async () => {
    const service = await serve()
    const { running } = await wait(['--wait', '2s'], service)
    service.kill()
    expect(await running.ended).toBe(69)
    expect(running.stdout()).toBe('')
  })
})
