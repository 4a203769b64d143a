import { Redis } from 'ioredis'
import Redlock from 'redlock'
import { callersOf, ttlMs } from './contestant.js'
import type { Contestant } from './contestant.js'

/** On one server, with its defaults, but that it never gives up. */
export function redlockContestant(redisUrl: string): Contestant {
  return {
    name: 'redlock',
    isLock: true,
    usesRedis: true,
    open: async ({ semaphore, limit, callers }) => {
      const redis = new Redis(redisUrl)
      const redlock = new Redlock([redis], { retryCount: -1 })
      return {
        acquires: callersOf(callers, (caller) => async () => {
          const lock = await redlock.lock(`${semaphore}:${caller % limit}`, ttlMs)
          return async () => lock.unlock()
        }),
        close: async () => redis.disconnect(),
      }
    },
  }
}
