import type { AcquireRequest, EngineSettings } from '../engine.js'
import type { AcquireReply, EndReply, Store } from '../store.js'
import type { Clock } from './clock.js'
import type { Ends } from './ends.js'
import type { Listening } from './listening.js'
import type { RoomObserver } from './room-observer.js'

/** What all open requests of one replica share. */
export interface Replica {
  readonly id: string
  readonly store: Store
  readonly clock: Clock
  readonly settings: EngineSettings
  readonly observer: RoomObserver
  readonly ends: Ends
  readonly listening: Listening
  /** No new requests; those that wait are sent elsewhere. */
  readonly isStopped: boolean
  /** The number of the last request that was there when the store had lost its data. */
  readonly lostUpTo: number
}

/**
 * Asks for the request's permits, always as the same attachment. Only its first acquire may create, or it would bring back what was removed
 * while it waited; unless it knows that nobody removed it.
 */
export function askFor(
  replica: Replica,
  request: AcquireRequest,
  number: number,
  isFirst: boolean,
): Promise<AcquireReply> {
  const { semaphore, leaseId, permits, ttlMs, waitMs, holder, create } = request
  return replica.store.acquire({
    semaphore,
    leaseId,
    permits,
    ttlMs,
    enqueue: waitMs > 0,
    attachment: { replica: replica.id, number },
    holder,
    create: isFirst || number <= replica.lostUpTo ? create : null,
  })
}

/** The end of a wait, which gives way to a grant that raced it. */
export function endUnlessHeld(replica: Replica, request: AcquireRequest, number: number): Promise<EndReply> {
  const { semaphore, leaseId } = request
  return replica.store.end({
    semaphore,
    leaseId,
    attachment: { replica: replica.id, number },
    unlessHeld: true,
  })
}
