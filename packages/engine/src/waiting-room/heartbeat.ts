import type { HeartbeatReply, OpenRequestState, Store } from '../store.js'
import { Alarm } from './alarm.js'
import type { Clock } from './clock.js'
import type { Reaper } from './reaper.js'

/** An open request as a heartbeat asks for it. */
export interface Listed {
  readonly leaseId: string
  readonly number: number
  /** How often it had sent its acquire when it was listed: the answer to another acquire than the last is out of date. */
  readonly asks: number
  hearState(state: OpenRequestState, askedAtMs: number, asks: number): void
}

export interface HeartbeatOptions {
  readonly store: Pick<Store, 'heartbeat'>
  readonly clock: Clock
  readonly semaphore: string
  readonly replica: string
  readonly heartbeatMs: number
  readonly reaper: Reaper
  /** Those whose acquire was answered with a place in the queue, in the order of their arrival. */
  readonly listed: () => Listed[]
  /** Runs right before each beat. */
  readonly prepare: () => void
}

/** Most requests in one call: a transition must stay short, and Lua returns some 8,000 values at most. */
const openMax = 1_000

/**
 * Says that this replica lives, and finds out what no notice told. One semaphore, one beat at a time; the requests of a replica with more than
 * 1,000 of them are asked for in several calls, one after the other.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions
  readonly #alarm: Alarm
  #isBeating = false
  #isWanted = false
  #hasFailed = false
  #phase: 'idle' | 'started' | 'stopped' = 'idle'

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#alarm = new Alarm(options.clock, () => void this.#beat())
  }

  start(): void {
    if (this.#phase !== 'idle') return
    this.#phase = 'started'
    this.#alarm.setFor(this.#options.clock.now() + this.#options.heartbeatMs)
  }

  /**
   * Beats at once, or as soon as the beat under way is over: that one may have looked before whatever made this necessary. After a beat that failed
   * the next comes at its time, whoever wants it: each sends all unanswered ends again, and an outage has many reasons to want one.
   */
  beatNow(): void {
    if (this.#phase !== 'started') return
    this.#isWanted = true
    if (!this.#isBeating && !this.#hasFailed) void this.#beat()
  }

  /** The same when the store is known to be back. */
  beatAgain(): void {
    this.#hasFailed = false
    this.beatNow()
  }

  stop(): void {
    this.#phase = 'stopped'
    this.#alarm.clear()
  }

  async #beat(): Promise<void> {
    const { clock, prepare } = this.#options
    const startedAtMs = clock.now()
    this.#isBeating = true
    this.#isWanted = false
    this.#alarm.clear()
    prepare()
    this.#goOn(startedAtMs, await this.#askForAll())
  }

  #goOn(startedAtMs: number, isAnswered: boolean): void {
    this.#isBeating = false
    this.#hasFailed = !isAnswered
    if (this.#phase === 'stopped') return
    if (this.#isWanted && isAnswered) void this.#beat()
    else this.#alarm.setFor(startedAtMs + this.#options.heartbeatMs)
  }

  async #askForAll(): Promise<boolean> {
    const listed = this.#options.listed()
    for (let first = 0; first === 0 || first < listed.length; first += openMax) {
      if (!(await this.#askFor(listed.slice(first, first + openMax)))) return false
    }
    return true
  }

  async #askFor(listed: readonly Listed[]): Promise<boolean> {
    const { store, clock, semaphore, replica, reaper } = this.#options
    if (this.#phase === 'stopped') return false
    const open = listed.map(({ leaseId, number }) => ({ leaseId, number }))
    const asks = listed.map((one) => one.asks)
    const askedAtMs = clock.now()
    const toldBefore = reaper.told
    let reply: HeartbeatReply
    try {
      reply = await store.heartbeat({ semaphore, replica, open })
    } catch {
      // Not reached: the next beat asks the same.
      return false
    }
    reaper.answered(reply.nearestInMs, askedAtMs, toldBefore)
    for (const [index, one] of listed.entries()) {
      const state = reply.states[index]
      if (state !== undefined) one.hearState(state, askedAtMs, asks[index] ?? 0)
    }
    return true
  }
}
