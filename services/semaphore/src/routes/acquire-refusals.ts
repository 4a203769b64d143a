import type { AcquireOutcome, AcquireRequest } from '@signalbox/engine'
import { Problem } from '../problem.js'
import { notFound } from './not-found.js'

type Refused = Exclude<AcquireOutcome, { kind: 'granted' | 'closed' }>
type Asked = Omit<AcquireRequest, 'create'> & { readonly create: AcquireRequest['create'] }

/** Bounds of what a busy caller is told to wait: below a second it would poll, above half a minute permits would lie idle. */
const retryMinMs = 1_000
const retryMaxMs = 30_000

/** From the nearest deadline, never from an average: averages have let permits lie idle for hours elsewhere. */
function retryAfterMs(nearestInMs: number | null): number {
  return Math.min(Math.max(nearestInMs ?? retryMaxMs, retryMinMs), retryMaxMs)
}

/** Says why there is no lease, with the values that decided it. */
export function acquireProblem(outcome: Refused, asked: Asked): Problem {
  const { semaphore, permits, leaseId, waitMs } = asked
  switch (outcome.kind) {
    case 'permits_unavailable': {
      const { limit, used, waiting } = outcome
      const queue = waiting === 0 ? '' : ` and ${waiting} waiting`
      const paused = limit === 0 ? ' A limit of 0 grants nothing until it is raised.' : ''
      const detail = `Semaphore "${semaphore}" has ${used} of ${limit} permits in use${queue}; ${permits} asked for.${paused}`
      const values = { semaphore, limit, used, waiting, permits, retryAfterMs: retryAfterMs(outcome.nearestInMs) }
      return new Problem('PERMITS_UNAVAILABLE', detail, values)
    }
    case 'acquire_timeout': {
      const detail = `No permit of semaphore "${semaphore}" came free within ${waitMs} ms; the place in the queue is given up.`
      return new Problem('ACQUIRE_TIMEOUT', detail, { semaphore, permits, waitMs, retryAfterMs: retryMinMs })
    }
    case 'still_waiting': {
      const { position } = outcome
      const detail = `Still waiting for semaphore "${semaphore}" at position ${position}: make the same call again with the same leaseId to keep the place.`
      return new Problem('STILL_WAITING', detail, { semaphore, leaseId, position, retryAfterMs: retryMinMs })
    }
    case 'queue_full': {
      const { waiting } = outcome
      const detail = `The queue of semaphore "${semaphore}" is full: ${waiting} are waiting.`
      return new Problem('QUEUE_FULL', detail, { semaphore, waiting, retryAfterMs: retryMinMs })
    }
    case 'overloaded': {
      const detail = 'This replica holds as many waiting requests as it may: try again, or another replica.'
      return new Problem('OVERLOADED', detail, { retryAfterMs: retryMinMs })
    }
    case 'shutting_down': {
      const detail =
        'This replica is stopping: make the same call again, another replica answers. A place in the queue is kept for now.'
      return new Problem('SHUTTING_DOWN', detail, { leaseId, retryAfterMs: 0 })
    }
    case 'semaphore_not_found':
      // Whoever says `create` had it made, or found it, before: it is asked for again, without, when it went from under the wait.
      if (asked.create !== null) return notFound(semaphore, ' It was removed while this call waited.')
      return notFound(semaphore, ' Say `create` to make it with the first acquire, or define it with PUT.')
    case 'wait_cancelled': {
      const detail = `The wait for semaphore "${semaphore}" was cancelled, or its leaseId is retired: another call released it.`
      return new Problem('WAIT_CANCELLED', detail, { semaphore })
    }
    case 'permits_exceed_limit': {
      const { limit } = outcome
      // The store does not say whether it found the limit or took it from `create`; only of the same number both can be true.
      const mayBeNew = asked.create?.limit === limit
      const has = mayBeNew ? 'has, or would be created with,' : 'has'
      const advice = mayBeNew
        ? ' If it is new, give it a larger limit: `create.limit`, the SDK’s value, --limit of the command line.'
        : ''
      const detail = `${permits} permits can never be granted: semaphore "${semaphore}" ${has} a limit of ${limit}.${advice}`
      return new Problem('PERMITS_EXCEED_LIMIT', detail, { semaphore, permits, limit })
    }
    case 'limit_conflict': {
      const { limit, bounded } = outcome
      const { limit: askedLimit = 1, bounded: askedBounded = true } = asked.create ?? {}
      const detail = `Semaphore "${semaphore}" exists with limit ${limit}, ${kindOf(bounded)}; asked for was limit ${askedLimit}, ${kindOf(askedBounded)}. ${wayOut(bounded, askedBounded)}`
      return new Problem('LIMIT_CONFLICT', detail, { semaphore, limit, bounded })
    }
    case 'lease_id_conflict': {
      const detail = `The leaseId is in use on semaphore "${semaphore}" with ${outcome.permits} permits, not ${permits}.`
      return new Problem('LEASE_ID_CONFLICT', detail, { semaphore, permits: outcome.permits })
    }
  }
}

/** Every semaphore is of one kind for all its users, and HTTP's default is not that of the SDK's `Semaphore`: who meets this has rarely chosen. */
function wayOut(bounded: boolean, askedBounded: boolean): string {
  if (bounded === askedBounded)
    return 'Leave "onConflict" out to use the limit that is there, or change it by PUT (SDK: resize).'
  return `To share it, say "bounded": ${bounded} in \`create\` (SDK: new ${bounded ? 'BoundedSemaphore' : 'Semaphore'}); else take another name.`
}

function kindOf(bounded: boolean): string {
  return bounded ? 'bounded' : 'not bounded'
}
