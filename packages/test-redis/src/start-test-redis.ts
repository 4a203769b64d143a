import { startContainerRedis, dockerAnswers } from './container-redis.js'
import { startLocalRedis } from './local-redis.js'
import { givenRedis } from './given-redis.js'
import { givenProgram, serverProgram, startLauncher } from './server-program.js'
import { serverArguments } from './test-redis.js'
import type { TestRedis, TestRedisOptions } from './test-redis.js'

export interface StartOptions extends TestRedisOptions {
  /** A server that only this caller uses, even if one was given in the environment. Implied by `cluster`, `config` and `access`. */
  readonly ownServer?: boolean
  /** Told in one line which server was taken. */
  readonly say?: (line: string) => void
}

/**
 * A real Redis for tests, the first of: the one named by SIGNALBOX_TEST_REDIS_URL, the program that SIGNALBOX_TEST_REDIS_PROGRAM names, a
 * container if a Docker engine answers, a redis-server or valkey-server on the PATH, and one that apt-get installs where this is root
 * on a Debian-like system.
 */
export async function startTestRedis(options: StartOptions = {}): Promise<TestRedis> {
  const { cluster = false, config = [], access, ownServer = false, say = console.log } = options
  const isOwn = ownServer || cluster || config.length > 0 || access !== undefined
  const url = process.env['SIGNALBOX_TEST_REDIS_URL'] ?? ''
  const redis = url !== '' && !isOwn ? givenRedis(url) : await startOwn(options, say)
  say(`Test Redis: ${redis.source} at ${redis.host}:${redis.port}`)
  return redis
}

async function startOwn(options: TestRedisOptions, say: (line: string) => void): Promise<TestRedis> {
  const { access } = options
  if (access !== undefined) {
    const launcher = await startLauncher(1)
    const server = await launcher.start({ argumentsAt: () => serverArguments(options), access })
    return { ...server, stop: () => launcher.stop() }
  }
  if (givenProgram() === null && (await dockerAnswers())) {
    try {
      return await startContainerRedis(options)
    } catch (error) {
      say(`Test Redis: the Docker engine answers, but gave no Redis (${String(error)}); looking for a local one.`)
    }
  }
  return startLocalRedis(await serverProgram(say), options)
}
