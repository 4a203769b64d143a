import { Redis } from 'ioredis'
import { Semaphore } from 'redis-semaphore'
import { callersOf } from './contestant.js'
import type { Contestant } from './contestant.js'

/** With its defaults, but for how long it tries. */
export function redisSemaphoreContestant(redisUrl: string): Contestant {
  return {
    name: 'redis-semaphore',
    isLock: false,
    usesRedis: true,
    open: async ({ semaphore: key, limit, callers }) => {
      const redis = new Redis(redisUrl)
      return {
        acquires: callersOf(callers, () => {
          const semaphore = new Semaphore(redis, key, limit, { acquireTimeout: 60_000 })
          return async () => {
            await semaphore.acquire()
            return () => semaphore.release()
          }
        }),
        close: async () => redis.disconnect(),
      }
    },
  }
}
