import Bottleneck from 'bottleneck'
import { Redis } from 'ioredis'
import { callersOf, ttlMs } from './contestant.js'
import type { Contestant, Release } from './contestant.js'

/** One limiter, clustered by Redis. It runs jobs: a permit is held as long as its job does not end. */
export function bottleneckContestant(redisUrl: string): Contestant {
  return {
    name: 'Bottleneck',
    isLock: false,
    usesRedis: true,
    open: async ({ semaphore, limit, callers }) => {
      const { hostname: host, port } = new URL(redisUrl)
      const limiter = new Bottleneck({
        id: semaphore,
        maxConcurrent: limit,
        datastore: 'ioredis',
        clearDatastore: true,
        clientOptions: { host, port: Number(port) },
        Redis,
      })
      await limiter.ready()
      return {
        acquires: callersOf(callers, () => () => start(limiter)),
        close: () => limiter.disconnect(true),
      }
    },
  }
}

function start(limiter: Bottleneck): Promise<Release> {
  return new Promise((granted, failed) => {
    const job = limiter.schedule({ expiration: ttlMs }, () => {
      return new Promise<void>((finish) => {
        granted(() => {
          finish()
          return job
        })
      })
    })
    job.catch(failed)
  })
}
