import { SignalboxClient } from '@signalbox/client'
import { callersOf, ttlMs } from './contestant.js'
import type { Contestant } from './contestant.js'

/** By the SDK, all callers of one client. */
export function sdkContestant(serviceUrl: string): Contestant {
  return {
    name: 'Signalbox, SDK',
    isLock: false,
    usesRedis: true,
    open: async ({ semaphore: name, limit, callers }) => {
      const client = new SignalboxClient({ url: serviceUrl })
      const semaphore = client.boundedSemaphore(name, limit)
      return {
        acquires: callersOf(callers, () => async () => {
          const lease = await semaphore.acquire({ ttlMs })
          return () => lease.release()
        }),
        close: () => client.close(),
      }
    },
  }
}
