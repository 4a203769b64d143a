import { Redis } from 'ioredis'
import { callersOf } from './contestant.js'
import type { Contestant } from './contestant.js'

/** The least that a script costs by the same client: two a pair, none of which does anything. */
export function redisFloor(redisUrl: string): Contestant {
  return {
    name: 'floor: EVALSHA return 1',
    isLock: false,
    usesRedis: true,
    open: async ({ callers }) => {
      const redis = new Redis(redisUrl)
      const sha = String(await redis.script('LOAD', 'return 1'))
      const call = (): Promise<unknown> => redis.evalsha(sha, 0)
      return {
        acquires: callersOf(callers, () => async () => {
          await call()
          return call
        }),
        close: async () => redis.disconnect(),
      }
    },
  }
}
