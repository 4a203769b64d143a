import type { AcquireRequest, Attempt, EngineSettings } from '../engine.js'
import type { Notice, Store } from '../store.js'
import { Answer } from './answer.js'
import type { Clock } from './clock.js'
import { Ends } from './ends.js'
import { Listening } from './listening.js'
import { OpenRequest } from './open-request.js'
import type { Replica } from './replica.js'
import type { RoomObserver } from './room-observer.js'
import { SemaphoreRoom, type Tally } from './semaphore-room.js'

export interface WaitingRoomOptions {
  readonly id: string
  readonly store: Store
  readonly clock: Clock
  readonly settings: EngineSettings
  readonly observer: RoomObserver
}

/** All acquire requests of one replica: who waits here, and who is told what. */
export class WaitingRoom {
  readonly #replica: Replica & { isStopped: boolean; lostUpTo: number }
  readonly #rooms = new Map<string, SemaphoreRoom>()
  readonly #tally: Tally = { open: 0, waiting: 0, parked: 0 }
  #lastNumber = 0

  constructor(options: WaitingRoomOptions) {
    const { id, store, clock, settings } = options
    const { graceMs, heartbeatMs } = settings
    const hear = (notice: Notice): void => {
      this.#hear(notice)
    }
    this.#replica = {
      ...options,
      ends: new Ends({ store, clock, replica: id, graceMs, pauseMsMax: heartbeatMs }),
      listening: new Listening({ store, clock, replica: id, hear }),
      isStopped: false,
      lostUpTo: 0,
    }
  }

  get waiting(): number {
    return this.#tally.waiting
  }

  acquire(request: AcquireRequest): Attempt {
    if (this.#replica.isStopped) return this.#refuse(request, 'shutting_down')
    const mayWait = request.waitMs > 0
    if (mayWait && this.#isFull(request)) return this.#refuse(request, 'overloaded')
    this.#lastNumber += 1
    const room = mayWait ? this.#roomOf(request.semaphore) : null
    const open = new OpenRequest(request, this.#lastNumber, this.#replica, room)
    room?.enter(open)
    open.begin()
    return open
  }

  stop(): void {
    if (this.#replica.isStopped) return
    this.#replica.isStopped = true
    for (const room of [...this.#rooms.values()]) room.stop()
  }

  async close(): Promise<void> {
    this.stop()
    await Promise.all([this.#replica.listening.stop(), this.#replica.ends.close()])
  }

  /** Those who wait on an open connection are bounded by that; who is answered at once could leave any number of parked ones behind. */
  #isFull({ isAnsweredAtOnce = false }: AcquireRequest): boolean {
    const { open, parked } = this.#tally
    return (isAnsweredAtOnce ? open + parked : open) >= this.#replica.settings.waitersMax
  }

  #roomOf(semaphore: string): SemaphoreRoom {
    const existing = this.#rooms.get(semaphore)
    if (existing !== undefined) return existing
    const room = new SemaphoreRoom(semaphore, this.#replica, this.#tally, () => this.#rooms.delete(semaphore))
    this.#rooms.set(semaphore, room)
    return room
  }

  #refuse(request: AcquireRequest, kind: 'shutting_down' | 'overloaded'): Attempt {
    const answer = new Answer(request.semaphore, this.#replica.observer)
    answer.refused({ kind })
    return { outcome: answer.outcome, close: () => undefined, delivered: () => undefined }
  }

  #hear(notice: Notice): void {
    if (notice.kind !== 'gap' && notice.kind !== 'lost') {
      this.#rooms.get(notice.semaphore)?.hear(notice, this.#replica.clock.now())
      return
    }
    if (notice.kind === 'lost') this.#replica.lostUpTo = this.#lastNumber
    this.#replica.ends.resendAll()
    for (const room of this.#rooms.values()) room.beatAgain()
  }
}
