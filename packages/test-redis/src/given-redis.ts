import type { TestRedis } from './test-redis.js'

/** A server that somebody else runs: it is used, and never paused, ended or emptied. */
export function givenRedis(url: string): TestRedis {
  const { hostname, port } = new URL(url)
  const refuse = (): Promise<never> =>
    Promise.reject(new Error('This Redis was given by SIGNALBOX_TEST_REDIS_URL; start one with `ownServer` instead.'))
  return {
    url,
    host: hostname,
    port: Number(port === '' ? 6379 : port),
    source: 'SIGNALBOX_TEST_REDIS_URL',
    pause: refuse,
    resume: refuse,
    kill: refuse,
    restart: refuse,
    stop: () => Promise.resolve(),
  }
}
