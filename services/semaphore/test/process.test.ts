import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { startTestRedis } from '@signalbox/test-redis'
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { apiKey } from './open-service.js'
import { run, temporaryDirectory, timeout } from './run-service.js'

const withRedisServer = { PATH: process.env['PATH'] ?? '' }
const acquire = (url: string, body: object) =>
  fetch(`${url}/v1/semaphores/a/acquire`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
const ready = (url: string) =>
  vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200), { timeout, interval: 50 })

describe('a start', () => {
  test('without any Redis says on its first line that the state is in memory', async () => {
    const { output, url, child, ended } = run({})
    const at = await url()
    expect(output().split('\n')[0]).toMatch(
      /^Signalbox keeps its state in the memory of this one process: it is gone at exit/,
    )
    expect(output()).toContain(`curl --json '{"ttlMs":30000,"create":{"limit":2}}' ${at}/v1/semaphores/demo/acquire`)
    expect(await (await fetch(`${at}/readyz`)).json()).toMatchObject({
      status: 'ready',
      store: 'memory',
    })
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })

  test('with REDIS_URL says which, and not the password in it', async () => {
    const { output, url } = run({ REDIS_URL: inject('redisUrl').replace('redis://', 'redis://:hunter2@') })
    await url()
    expect(output()).toContain(`Store:  Redis at ${new URL(inject('redisUrl')).host} (REDIS_URL)`)
    expect(output()).not.toContain('hunter2')
  })

  test('while its Redis is away is up but not ready, and recovers by itself', async () => {
    const redis = await startTestRedis({ config: ['--maxmemory-policy', 'allkeys-lru'] })
    onTestFinished(() => redis.stop())
    await redis.kill()
    const { url, output } = run({ REDIS_URL: redis.url })
    const at = await url()
    expect((await fetch(`${at}/healthz`)).status).toBe(200)
    expect((await fetch(`${at}/readyz`)).status).toBe(503)
    const response = await acquire(at, { create: { limit: 1 } })
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await response.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await redis.restart()
    await ready(at)
    expect((await acquire(at, { create: { limit: 1 } })).status).toBe(200)
    // What it could not ask at the start it asks now.
    await vi.waitFor(() => expect(output()).toMatch(/"level":"warn".*maxmemory-policy is allkeys-lru/), { timeout })
    expect(output()).toMatch(/"level":"warn".*appendonly is no/)
    const metrics = await (await fetch(`${at}/metrics`)).text()
    expect(metrics).toContain('signalbox_store_warnings{kind="eviction"} 1')
    expect(metrics).toContain('signalbox_store_warnings{kind="persistence"} 1')
    expect(metrics).toContain('signalbox_store_warnings{kind="min_replicas"} 0')
    expect(output()).not.toMatch(/"level":"(?:error|fatal)"/)
  })

  test('with bad values says which and ends with 1, without a stack', async () => {
    const { output, ended } = run({ PORT: 'http', SIGNALBOX_CAP_MS: '-1' })
    expect(await ended).toBe(1)
    expect(output().trim().split('\n')).toEqual([
      'PORT is "http"; it may be a whole number from 0 to 65535.',
      'SIGNALBOX_CAP_MS is "-1"; it may be a whole number from 1 to 25000.',
    ])
  })

  test('on a port that is taken says so and ends with 1', async () => {
    const first = await run({}).url()
    const { output, ended } = run({ PORT: new URL(first).port })
    expect(await ended).toBe(1)
    expect(output()).toContain(`The address of HOST and PORT ${new URL(first).port} is in use`)
    expect(output()).not.toMatch(/at .*\.js/)
  })

  test('with a key stored in place of its line ends without repeating it', async () => {
    const { key } = apiKey(['acquire'])
    const { output, ended } = run({ SIGNALBOX_API_KEYS: key })
    expect(await ended).toBe(1)
    expect(output()).not.toContain(key)
  })

  test('warns of a variable that does not exist', async () => {
    const { output, url } = run({ SIGNALBOX_CAPMS: '1' })
    await url()
    await vi.waitFor(() => expect(output()).toContain('There is no variable'))
  })
})

describe('a stop', () => {
  test('answers waiters, closes connections that are kept or were never used, and ends with 0 long before the grace', async () => {
    // Longer than a test may take.
    const { url, child, ended, output } = run({ SIGNALBOX_STOP_GRACE_MS: '60000' })
    const at = await url()
    await acquire(at, { create: { limit: 1 } })
    const waiting = acquire(at, { waitMs: 20_000 })
    const idle = connect(Number(new URL(at).port), '127.0.0.1')
    const closed = once(idle, 'close')
    idle.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(idle, 'data')
    await once(connect(Number(new URL(at).port), '127.0.0.1'), 'connect')
    await vi.waitFor(async () =>
      expect(await (await fetch(`${at}/v1/semaphores/a`)).json()).toMatchObject({ waiting: 1 }),
    )
    child.kill('SIGTERM')
    const response = await waiting
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '0'])
    expect(await response.json()).toMatchObject({ code: 'SHUTTING_DOWN' })
    await closed
    expect(await ended).toBe(0)
    expect(output()).toContain('SIGTERM: stopping')
  })

  test('cuts what is not done after the grace', async () => {
    const { url, child, ended } = run({ SIGNALBOX_STOP_GRACE_MS: '200' })
    const at = await url()
    const stuck = connect(Number(new URL(at).port), '127.0.0.1')
    stuck.on('error', () => undefined)
    stuck.write(
      'POST /v1/semaphores/a/acquire HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    )
    await once(stuck, 'connect')
    await fetch(`${at}/healthz`)
    child.kill('SIGINT')
    expect(await ended).toBe(0)
  })

  test('that is asked for twice happens at once', async () => {
    const { url, child, ended, output } = run({ SIGNALBOX_STOP_GRACE_MS: '60000' })
    const at = await url()
    const stuck = connect(Number(new URL(at).port), '127.0.0.1')
    stuck.on('error', () => undefined)
    stuck.write(
      'POST /v1/semaphores/a/acquire HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    )
    await once(stuck, 'connect')
    await fetch(`${at}/healthz`)
    child.kill('SIGTERM')
    await vi.waitFor(() => expect(output()).toContain('stopping'))
    // The same signal twice in a moment is one: npm passes on the Ctrl-C that the terminal has sent to everyone.
    child.kill('SIGTERM')
    await new Promise((resolve) => setTimeout(resolve, 800))
    expect(child.exitCode).toBeNull()
    child.kill('SIGTERM')
    expect(await ended).toBe(1)
  })
})

describe('a private Redis', () => {
  const socketOf = (cwd: string) => join(cwd, '.signalbox', 'redis.sock')
  const accepts = (path: string) =>
    new Promise<boolean>((resolve) => {
      const socket = connect(path)
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })

  test('keeps leases over a restart, in a directory of this user alone, and ends with its service', async () => {
    const cwd = temporaryDirectory()
    const first = run(withRedisServer, cwd)
    const at = await first.url()
    expect(first.output()).toContain(`its data is in ${join(cwd, '.signalbox')} (append-only file)`)
    await ready(at)
    expect((await acquire(at, { ttlMs: 600_000, create: { limit: 1 } })).status).toBe(200)
    first.child.kill('SIGTERM')
    expect(await first.ended).toBe(0)
    expect(await accepts(socketOf(cwd))).toBe(false)
    expect(existsSync(join(cwd, '.signalbox', 'lock'))).toBe(false)
    const second = await run(withRedisServer, cwd).url()
    await ready(second)
    expect((await acquire(second, {})).status).toBe(429)
  })

  test('is shared by a second service, which takes it over when the first is killed', async () => {
    const cwd = temporaryDirectory()
    const first = run(withRedisServer, cwd)
    const at = await first.url()
    await ready(at)
    const second = run(withRedisServer, cwd)
    const there = await second.url()
    await ready(there)
    expect(second.output()).toContain(`the Redis that process ${first.child.pid} runs`)
    expect((await acquire(at, { ttlMs: 600_000, create: { limit: 1 } })).status).toBe(200)
    expect((await acquire(there, {})).status).toBe(429)
    first.child.kill('SIGKILL')
    await vi.waitFor(
      () => expect(readFileSync(join(cwd, '.signalbox', 'lock'), 'utf8')).toBe(String(second.child.pid)),
      {
        timeout,
        interval: 50,
      },
    )
    await ready(there)
    expect((await acquire(there, {})).status).toBe(429)
  })

  test('ends although its service was killed', async () => {
    const cwd = temporaryDirectory()
    const { url, child, ended } = run(withRedisServer, cwd)
    await ready(await url())
    child.kill('SIGKILL')
    await ended
    await vi.waitFor(async () => expect(await accepts(socketOf(cwd))).toBe(false), { timeout, interval: 50 })
    const again = await run(withRedisServer, cwd).url()
    await ready(again)
  })

  test('lives in a directory that is too deep for a socket', async () => {
    const SIGNALBOX_DATA_DIR = join(temporaryDirectory(), 'd'.repeat(120))
    const { url } = run({ ...withRedisServer, SIGNALBOX_DATA_DIR })
    await ready(await url())
  })
})
