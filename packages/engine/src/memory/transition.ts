import type { Notice, NearestInMs, StoreSettings } from '../store.js'
import { type Attachments, numbersByReplica } from './attachments.js'
import type { Catalogue } from './catalogue.js'
import type { Semaphore, Waiter } from './semaphore.js'

/** Instead of a reply: a batch was too small, and the reply depends on the rest. Run it once more. */
export const again = Symbol('again')
export type Again = typeof again

/** One run of one command: the clock as read once, what it may still do, and what it tells whom. */
export class Transition {
  readonly catalogue: Catalogue
  readonly settings: StoreSettings
  readonly nowUs: number
  readonly nowMs: number
  readonly told: { readonly replica: string; readonly notice: Notice }[] = []
  /** Leases that it may still expire, and waiters that it may still grant or drop. */
  expiriesLeft: number
  movesLeft: number
  /** There was more to do than it may. */
  hasBacklog = false

  constructor(catalogue: Catalogue, settings: StoreSettings, nowUs: number) {
    this.catalogue = catalogue
    this.settings = settings
    this.nowUs = nowUs
    this.nowMs = Math.floor(nowUs / 1000)
    this.expiriesLeft = settings.batchMax
    this.movesLeft = settings.batchMax
  }

  tellAttached(attachments: Attachments, noticeFor: (numbers: readonly number[]) => Notice): void {
    for (const [replica, numbers] of numbersByReplica(attachments)) {
      this.told.push({ replica, notice: noticeFor(numbers) })
    }
  }

  tellCancelled(semaphore: Semaphore, waiter: Waiter, attachments: Attachments): void {
    this.tellAttached(attachments, (numbers) => ({
      kind: 'cancelled',
      semaphore: semaphore.name,
      leaseId: waiter.id,
      numbers,
    }))
  }

  tellReplicas(semaphore: Semaphore, notice: Notice): void {
    for (const replica of semaphore.replicas.keys()) this.told.push({ replica, notice })
  }

  /** The waiter's replicas are dead from here on, unless one of them is heard of. */
  graceDeadlineMs(semaphore: Semaphore, waiter: Waiter): number {
    let lastHeardMs = -Infinity
    for (const { replica } of waiter.attachments) {
      lastHeardMs = Math.max(lastHeardMs, semaphore.replicas.get(replica) ?? -Infinity)
    }
    return lastHeardMs + this.settings.graceMs
  }

  nearestInMs(semaphore: Semaphore): NearestInMs {
    const nearestMs = this.#nearestMs(semaphore)
    return nearestMs === Infinity ? null : Math.max(nearestMs - this.nowMs, 0)
  }

  /**
   * Ends every transition. Whoever brings the nearest deadline closer tells all replicas with waiters: a replica that knew only the
   * 60 s of the lease it queued behind would sleep through the 1 s of the lease that was granted since.
   */
  conclude(semaphore: Semaphore): void {
    if (semaphore.waiters.size === 0) {
      semaphore.replicas.clear()
      semaphore.toldMs = null
      return
    }
    const nearestMs = this.#nearestMs(semaphore)
    if (semaphore.toldMs !== null && nearestMs < semaphore.toldMs) {
      const inMs = Math.max(nearestMs - this.nowMs, 0)
      this.tellReplicas(semaphore, { kind: 'deadline', semaphore: semaphore.name, inMs })
    }
    semaphore.toldMs = nearestMs
  }

  /** When the queue can move by time alone: the first lease ends, or the head's grace is over. Without waiters, the former. */
  #nearestMs(semaphore: Semaphore): number {
    const firstMs = semaphore.deadlines.overAt(this.nowMs).nextDeadlineMs
    const { head } = semaphore.queue
    if (head === undefined) return firstMs
    return this.hasBacklog ? this.nowMs : Math.min(firstMs, this.graceDeadlineMs(semaphore, head))
  }
}
