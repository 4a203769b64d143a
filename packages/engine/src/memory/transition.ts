import type { Notice, NearestInMs, StoreSettings } from '../store.js'
import { type Attachments, numbersByReplica } from './attachments.js'
import type { Catalogue } from './catalogue.js'
import type { Semaphore, Waiter } from './semaphore.js'

/** Instead of a reply: leases past their deadline remain beyond the batch, and the reply depends on them. Run it once more. */
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
    return nearestMs === null ? null : nearestMs - this.nowMs
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
    if (nearestMs !== null && (semaphore.toldMs === null || nearestMs < semaphore.toldMs)) {
      this.tellReplicas(semaphore, { kind: 'deadline', semaphore: semaphore.name, inMs: nearestMs - this.nowMs })
    }
    semaphore.toldMs = nearestMs
  }

  /** Now, if a batch ended before the work did. */
  #nearestMs(semaphore: Semaphore): number | null {
    const { first } = semaphore.deadlines
    const { head } = semaphore.queue
    let nearestMs = first === undefined ? Infinity : first.deadlineMs
    if (head !== undefined) {
      const fits = semaphore.hasRoomFor(head.permits)
      nearestMs = Math.min(nearestMs, fits ? this.nowMs : this.graceDeadlineMs(semaphore, head))
    }
    return nearestMs === Infinity ? null : Math.max(nearestMs, this.nowMs)
  }
}
