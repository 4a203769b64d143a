import type { NearestInMs, Notice } from '../store.js'
import { Heartbeat } from './heartbeat.js'
import type { OpenRequest } from './open-request.js'
import { Reaper } from './reaper.js'
import type { Replica } from './replica.js'
import type { Room } from './room.js'

/** What goes on by itself while somebody waits. */
interface Pulse {
  readonly reaper: Reaper
  readonly heartbeat: Heartbeat
}

/** How many requests of a replica are where. Rooms count, all of them together. */
export interface Tally {
  /** Those that may wait: their acquire is on its way, or they do. */
  open: number
  /** Those that have a place in a queue. */
  waiting: number
  /** Those that have a place, and whose callers were told to come back. */
  parked: number
}

/**
 * The open requests at this replica that wait for one semaphore, or may come to: those whose first acquire is still on its way are here too, for a
 * notice may overtake its reply. Exists while there are any; heartbeats begin when the first has a place in the queue.
 */
export class SemaphoreRoom implements Room {
  /** In the order of their arrival, by number. */
  readonly #requests = new Map<number, OpenRequest>()
  readonly #waiting = new Set<number>()
  readonly #parked = new Set<number>()
  readonly #tally: Tally
  readonly #semaphore: string
  readonly #replica: Replica
  readonly #whenEmpty: () => void
  #pulse: Pulse | null = null

  constructor(semaphore: string, replica: Replica, tally: Tally, whenEmpty: () => void) {
    this.#semaphore = semaphore
    this.#replica = replica
    this.#tally = tally
    this.#whenEmpty = whenEmpty
  }

  enter(request: OpenRequest): void {
    this.#requests.set(request.number, request)
    this.#tally.open += 1
  }

  waits(number: number): void {
    if (this.#waiting.has(number) || !this.#requests.has(number)) return
    this.#waiting.add(number)
    this.#tally.waiting += 1
    this.#wake().heartbeat.start()
  }

  parks(number: number): void {
    if (this.#parked.has(number) || !this.#requests.has(number)) return
    this.#parked.add(number)
    this.#tally.open -= 1
    this.#tally.parked += 1
    if (this.#waiting.delete(number)) this.#tally.waiting -= 1
  }

  leaves(number: number): void {
    if (!this.#requests.delete(number)) return
    if (this.#parked.delete(number)) this.#tally.parked -= 1
    else this.#tally.open -= 1
    if (this.#waiting.delete(number)) this.#tally.waiting -= 1
    if (this.#requests.size > 0) return
    this.#rest()
    this.#whenEmpty()
  }

  tell(nearestInMs: NearestInMs, askedAtMs: number): void {
    // The reply of a request that was closed meanwhile may come to a room that has been left: what it woke would go on for ever.
    if (this.#replica.isStopped || this.#requests.size === 0) return
    this.#wake().reaper.tell(nearestInMs, askedAtMs)
  }

  /** `heardAtMs`: notices carry no time of sending; one that was slow is healed by the heartbeat. */
  hear(notice: Exclude<Notice, { kind: 'gap' | 'lost' }>, heardAtMs: number): void {
    switch (notice.kind) {
      case 'granted':
        for (const number of notice.numbers) this.#requests.get(number)?.hearGranted(notice.lease)
        return
      case 'cancelled':
        for (const number of notice.numbers) this.#requests.get(number)?.hearCancelled()
        return
      case 'deadline':
        this.tell(notice.inMs, heardAtMs)
        return
      case 'check':
        this.#pulse?.heartbeat.beatNow()
        return
    }
  }

  /** The store is back, and what it told meanwhile may be lost. */
  beatAgain(): void {
    this.#pulse?.heartbeat.beatAgain()
  }

  stop(): void {
    for (const request of [...this.#requests.values()]) request.stop()
    this.#rest()
  }

  #rest(): void {
    this.#pulse?.heartbeat.stop()
    this.#pulse?.reaper.stop()
  }

  /** Not made with the room: most acquires are granted at once, and a room for each of them should cost next to nothing. */
  #wake(): Pulse {
    if (this.#pulse !== null) return this.#pulse
    const { store, clock, settings, ends, listening, id } = this.#replica
    const { heartbeatMs } = settings
    const semaphore = this.#semaphore
    const reaper = new Reaper({ store, clock, semaphore, pauseMsMax: heartbeatMs })
    const heartbeat = new Heartbeat({
      store,
      clock,
      semaphore,
      replica: id,
      heartbeatMs,
      reaper,
      listed: () => [...this.#requests.values()].filter((request) => request.isListed),
      prepare: () => {
        listening.retry()
        ends.resend(semaphore)
      },
    })
    this.#pulse = { reaper, heartbeat }
    return this.#pulse
  }
}
