import { request } from 'node:http'
import { homedir } from 'node:os'
import { freePort } from './free-port.js'
import { takeAllSlots, untilItAnswers } from './resp-probe.js'
import { serverArguments } from './test-redis.js'
import type { TestRedis, TestRedisOptions } from './test-redis.js'

/** The image that a run on a certain engine is told to use, or the usual one. */
export function containerImage(): string {
  return givenImage() ?? 'redis:7-alpine'
}

export function givenImage(): string | null {
  const image = process.env['SIGNALBOX_TEST_REDIS_IMAGE'] ?? ''
  return image === '' ? null : image
}

/** An engine that is up answers in milliseconds; one that hangs must not hold every test run up. */
const answerMs = 1_500
/** Enough to pull the image once. */
const startMs = 90_000

/** Where Docker's own client looks, and Docker Desktop and rootless engines listen. */
function engines(): { socketPath?: string; host?: string; port?: number }[] {
  const given = process.env['DOCKER_HOST'] ?? ''
  if (given.startsWith('unix://')) return [{ socketPath: given.slice('unix://'.length) }]
  if (given !== '') {
    const { hostname, port } = new URL(given)
    return [{ host: hostname, port: Number(port) }]
  }
  const runtimeFolder = process.env['XDG_RUNTIME_DIR'] ?? '/run/user/1000'
  return [
    { socketPath: '/var/run/docker.sock' },
    { socketPath: `${runtimeFolder}/docker.sock` },
    { socketPath: `${homedir()}/.docker/run/docker.sock` },
  ]
}

function answers(engine: { socketPath?: string; host?: string; port?: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ ...engine, path: '/_ping', timeout: answerMs }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    ping.once('timeout', () => ping.destroy())
    ping.once('error', () => resolve(false))
    ping.once('close', () => resolve(false))
    ping.end()
  })
}

export async function dockerAnswers(): Promise<boolean> {
  return (await Promise.all(engines().map(answers))).includes(true)
}

export async function startContainerRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  // Only here: loading it takes half a second, which a machine without Docker need not spend.
  const { GenericContainer, Wait, getContainerRuntimeClient } = await import('testcontainers')
  const container = await new GenericContainer(containerImage())
    // A port of our choice: the engine would choose another at each restart.
    .withExposedPorts({ container: 6379, host: await freePort('127.0.0.1') })
    .withCommand(['redis-server', '--bind', '0.0.0.0', '--protected-mode', 'no', ...serverArguments(options)])
    .withWaitStrategy(Wait.forListeningPorts())
    .withStartupTimeout(startMs)
    .start()
  const host = container.getHost()
  const port = container.getMappedPort(6379)
  const ready = async (): Promise<void> => {
    await untilItAnswers({ host, port }, () => true)
    if (options.cluster === true) await takeAllSlots({ host, port })
  }
  await ready()
  const client = await getContainerRuntimeClient()
  const handle = client.container.getById(container.getId())
  return {
    url: `redis://${host}:${port}`,
    host,
    port,
    source: `${containerImage()} (Docker)`,
    pause: async () => {
      await handle.pause()
    },
    resume: async () => {
      await handle.unpause()
    },
    kill: async () => {
      await handle.kill()
    },
    restart: async () => {
      await handle.start()
      await ready()
    },
    stop: async () => {
      await container.stop()
    },
  }
}
