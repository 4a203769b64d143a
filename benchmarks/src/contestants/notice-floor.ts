import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { callersOf } from './contestant.js'
import type { Contestant, Release } from './contestant.js'

/**
 * The least that a hand-over costs by the same client: a script that only publishes, and the subscriber that hears it. Whose turn it is
 * is known to this process alone.
 */
export function noticeFloor(redisUrl: string): Contestant {
  return {
    name: 'floor: script, PUBLISH, subscriber',
    isLock: false,
    usesRedis: true,
    open: async ({ callers }) => {
      const redis = new Redis(redisUrl)
      const subscriber = new Redis(redisUrl)
      const channel = `floor-${randomUUID()}`
      const waiting: (() => void)[] = []
      let isHeld = false
      subscriber.on('message', () => {
        const next = waiting.shift()
        isHeld = next !== undefined
        next?.()
      })
      await subscriber.subscribe(channel)
      const sha = String(await redis.script('LOAD', "return redis.call('PUBLISH', ARGV[1], '')"))
      const release: Release = () => redis.evalsha(sha, 0, channel)
      return {
        acquires: callersOf(callers, () => async () => {
          if (isHeld) await new Promise<void>((resolve) => waiting.push(resolve))
          isHeld = true
          return release
        }),
        close: async () => {
          redis.disconnect()
          subscriber.disconnect()
        },
      }
    },
  }
}
