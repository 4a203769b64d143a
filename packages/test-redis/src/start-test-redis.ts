import { startContainerRedis, dockerAnswers } from './container-redis.js'
import { installRedis } from './install-redis.js'
import { findOnPath, startLocalRedis } from './local-redis.js'
import { givenRedis } from './given-redis.js'
import type { TestRedis, TestRedisOptions } from './test-redis.js'

export interface StartOptions extends TestRedisOptions {
  /** A server that only this caller uses, even if one was given in the environment. Implied by `cluster` and `config`. */
  readonly ownServer?: boolean
  /** Told in one line which server was taken. */
  readonly say?: (line: string) => void
}

/**
 * A real Redis for tests, the first of: the one named by SIGNALBOX_TEST_REDIS_URL, a container if a Docker engine answers, a
 * redis-server or valkey-server on the PATH, and one that apt-get installs where this is root on a Debian-like system.
 */
export async function startTestRedis(options: StartOptions = {}): Promise<TestRedis> {
  const { cluster = false, config = [], ownServer = false, say = console.log } = options
  const isOwn = ownServer || cluster || config.length > 0
  const url = process.env['SIGNALBOX_TEST_REDIS_URL'] ?? ''
  const redis = url !== '' && !isOwn ? givenRedis(url) : await startOwn({ cluster, config }, say)
  say(`Test Redis: ${redis.source} at ${redis.host}:${redis.port}`)
  return redis
}

async function startOwn(options: TestRedisOptions, say: (line: string) => void): Promise<TestRedis> {
  if (await dockerAnswers()) {
    try {
      return await startContainerRedis(options)
    } catch (error) {
      say(`Test Redis: the Docker engine answers, but gave no Redis (${String(error)}); looking for a local one.`)
    }
  }
  const program = findOnPath('redis-server', 'valkey-server') ?? (await installRedis(say))
  if (program === null) {
    throw new Error(
      'Tests need a Redis, and none was found. Start Docker, or install one (`sudo apt-get install redis-server`, ' +
        '`brew install redis`), or name one that may be written to: SIGNALBOX_TEST_REDIS_URL=redis://host:6379',
    )
  }
  return startLocalRedis(program, options)
}
