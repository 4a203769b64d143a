import { randomUUID } from 'node:crypto'
import type { Engine } from '@signalbox/engine'
import { callersOf, ttlMs } from './contestant.js'
import type { Contestant, Release } from './contestant.js'

/** This project without HTTP: engine and Redis store in the caller's process. */
export function engineContestant(engine: Engine): Contestant {
  return {
    name: 'Signalbox, in process',
    isLock: false,
    usesRedis: true,
    open: async ({ semaphore, limit, callers }) => {
      await engine.configure({ semaphore, limit, bounded: true })
      return {
        acquires: callersOf(callers, () => () => engineAcquire(engine, semaphore)),
        close: async () => {
          await engine.remove({ semaphore, force: true })
        },
      }
    },
  }
}

/** Rejects when it is not granted within the cap of a wait. */
export async function engineAcquire(engine: Engine, semaphore: string, lasts = ttlMs): Promise<Release> {
  const leaseId = randomUUID()
  const call = { semaphore, leaseId, permits: 1, ttlMs: lasts, waitMs: 24_000, holder: '', create: null }
  const attempt = engine.acquire(call)
  const outcome = await attempt.outcome
  if (outcome.kind !== 'granted') throw new Error(`Not granted: ${outcome.kind}`)
  attempt.delivered()
  return () => engine.release({ semaphore, leaseId, retire: false })
}

export async function untilWaiting(engine: Engine, semaphore: string, waiters: number): Promise<void> {
  for (;;) {
    const reply = await engine.inspect({ semaphore })
    if (reply.kind === 'state' && reply.state.waiting === waiters) return
  }
}
