import { createServer } from 'node:http'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { startTestRedis } from '../src/index.js'
import { ask, untilItAnswers } from '../src/resp-probe.js'
import type { StartOptions, TestRedis } from '../src/index.js'

describe('the Redis for tests', () => {
  let redis: TestRedis | undefined
  const lines: string[] = []

  afterEach(async () => {
    await redis?.stop()
    redis = undefined
    lines.length = 0
  })

  async function start(options: StartOptions = {}): Promise<TestRedis> {
    redis = await startTestRedis({ say: (line) => lines.push(line), ...options })
    return redis
  }

  /** The reply to one command, or null if there is none within 200 ms. */
  function reply({ host, port }: TestRedis, command: string): Promise<string | null> {
    return new Promise((resolve) => {
      const socket = createConnection({ host, port })
      socket.setTimeout(200, () => socket.destroy())
      socket.on('error', () => undefined)
      socket.on('close', () => resolve(null))
      socket.on('data', (data) => {
        resolve(data.toString())
        socket.destroy()
      })
      socket.write(`${command}\r\n`)
    })
  }

  it('is the one that the environment names', async () => {
    vi.stubEnv('SIGNALBOX_TEST_REDIS_URL', 'redis://example.test:7000')
    expect(await start()).toMatchObject({ url: 'redis://example.test:7000', host: 'example.test', port: 7000 })
    expect(lines).toEqual(['Test Redis: SIGNALBOX_TEST_REDIS_URL at example.test:7000'])
    await expect(redis?.kill()).rejects.toThrow(/ownServer/)
  })

  it('is a server of its own where it is to be paused or ended, whatever the environment names', async () => {
    vi.stubEnv('SIGNALBOX_TEST_REDIS_URL', 'redis://example.test:7000')
    const own = await start({ config: ['--appendonly', 'yes', '--appendfsync', 'always'] })
    expect(await reply(own, 'SET a 1')).toBe('+OK\r\n')
    await own.pause()
    expect(await reply(own, 'PING')).toBeNull()
    await own.resume()
    await own.kill()
    expect(await reply(own, 'PING')).toBeNull()
    await own.restart()
    expect(await reply(own, 'GET a')).toBe('$1\r\n1\r\n')
    await own.stop()
    expect(await reply(own, 'PING')).toBeNull()
  })

  it('is waited for as long as it says that it loads its data', async () => {
    const slowToLoad = ['--key-load-delay', '5000', '--loading-process-events-interval-bytes', '1024']
    const own = await start({ config: slowToLoad })
    const filler = 'x'.repeat(200)
    for (let key = 0; key < 400; key += 1) await ask(own, `SET key-${key} ${filler}`)
    await ask(own, 'SAVE')
    await own.kill()
    const restarted = own.restart()
    const answer = () => ask(own, 'PING').catch(String)
    // Two seconds long the former, which only a machine that stands still would miss.
    await expect.poll(answer, { timeout: 20_000, interval: 5 }).toMatch(/^-LOADING|^\+PONG/)
    await untilItAnswers(own, () => true, { silentForMs: 0, loadingForMs: 50_000 })
    expect(await answer()).toBe('+PONG\r\n')
    await restarted
  })

  it('can be a node in cluster mode with every slot', async () => {
    const node = await start({ cluster: true })
    expect(await reply(node, 'CLUSTER INFO')).toContain('cluster_slots_ok:16384')
    expect(await reply(node, 'SET {a}b 1')).toBe('+OK\r\n')
  })

  it('does not wait for a Docker engine that hangs', async () => {
    const hangs = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(hangs, 'listening')
    const address = hangs.address()
    vi.stubEnv('DOCKER_HOST', `tcp://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`)
    const startedAt = performance.now()
    const outcome = await start({ ownServer: true }).then(({ source }) => source, String)
    expect(outcome).toMatch(/(redis|valkey)-server$|none was found/)
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    hangs.closeAllConnections()
    hangs.close()
  })

  it('says what to do, within a second, where there is none', async () => {
    vi.stubEnv('PATH', '/nonexistent')
    vi.stubEnv('DOCKER_HOST', 'tcp://127.0.0.1:1')
    const startedAt = performance.now()
    await expect(start({ ownServer: true })).rejects.toThrow(/sudo apt-get install redis-server/)
    expect(performance.now() - startedAt).toBeLessThan(1_000)
  })
})
