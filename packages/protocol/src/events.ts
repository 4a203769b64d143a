import { z } from 'zod'
import { leaseItem, semaphoreReply, waiterItem } from './replies.js'
import { semaphoreName } from './words.js'

/** What a listing shows of a semaphore, and how fast leases are granted. */
export const liveSemaphore = semaphoreReply.extend({
  grantsPerS: z.number().min(0).describe('Leases granted a second, by all replicas, over the last few seconds'),
})

const truncated = z.boolean().describe('Whether there is more than is shown')

/** The data of each event of a stream of semaphores, by the event. */
export const semaphoresEvents = {
  snapshot: z.object({ semaphores: z.array(liveSemaphore), truncated }),
  changes: z.object({ changed: z.array(liveSemaphore), removed: z.array(semaphoreName) }),
}

/** The data of each event of a stream of one semaphore. */
export const semaphoreEvents = {
  snapshot: z.object({
    semaphore: liveSemaphore,
    leases: z.array(leaseItem),
    waiters: z.array(waiterItem),
    truncated,
  }),
  removed: z.object({ name: semaphoreName }),
}

/** The data of the event that either stream may have. */
export const unavailableEvent = z.object({ code: z.literal('STORE_UNAVAILABLE') })

export type LiveSemaphore = z.infer<typeof liveSemaphore>
export type SemaphoresSnapshot = z.infer<typeof semaphoresEvents.snapshot>
export type SemaphoresChanges = z.infer<typeof semaphoresEvents.changes>
export type SemaphoreSnapshot = z.infer<typeof semaphoreEvents.snapshot>
export type SemaphoreRemoved = z.infer<typeof semaphoreEvents.removed>
export type UnavailableEvent = z.infer<typeof unavailableEvent>
