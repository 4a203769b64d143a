import type { Store } from '../store.js'
import { Alarm } from './alarm.js'
import { backoffMs } from './backoff.js'
import type { Clock } from './clock.js'

/** An attachment whose request is over. */
export interface End {
  readonly semaphore: string
  readonly leaseId: string
  readonly number: number
  /** An acquire of it was never answered: it may still be on its way, and arrive after this end. */
  readonly isDoubtful: boolean
}

export interface EndsOptions {
  readonly store: Pick<Store, 'end'>
  readonly clock: Clock
  readonly replica: string
  /** How much later a doubtful end is sent a second time. */
  readonly graceMs: number
  /** Longest pause between two tries. */
  readonly pauseMsMax: number
}

/** One dropped costs the grace or the ttl, so this bounds what a long outage costs in memory and nothing else. */
const endsMax = 10_000
/** Sent together: enough to be quick, too few to stand in the way of the callers of a store that is just back. */
const together = 256

/**
 * Ends of attachments, each sent until the store answers it. An attachment's number is never used again, so an end cannot come too often or
 * too late: it touches what was left of its own request and nothing else.
 */
export class Ends {
  readonly #options: EndsOptions
  readonly #alarm: Alarm
  /** Those to be sent again, by semaphore, so that a heartbeat finds its own. */
  readonly #unanswered = new Map<string, Set<End>>()
  readonly #sending = new Set<Promise<unknown>>()
  #count = 0
  #doubtful = 0
  #failures = 0
  #isClosed = false

  constructor(options: EndsOptions) {
    this.#options = options
    this.#alarm = new Alarm(options.clock, () => void this.#resendSome())
  }

  /** How many wait to be sent again. */
  get unanswered(): number {
    return this.#count
  }

  end(end: End): void {
    if (!this.#isClosed) void this.#send(end)
  }

  /** Before a heartbeat of this semaphore: it would keep alive what these were to end. */
  resend(semaphore: string): void {
    for (const end of this.#take(this.#unanswered.get(semaphore) ?? [])) void this.#send(end)
  }

  /** The store is back. */
  resendAll(): void {
    if (this.#count > 0) this.#alarm.setFor(this.#options.clock.now())
  }

  /** Tries what is left once more, then lets go of it. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#alarm.clear()
    for (const semaphore of [...this.#unanswered.keys()]) this.resend(semaphore)
    await Promise.all(this.#sending)
  }

  /** Whether it was answered. Never rejects. */
  #send(end: End): Promise<boolean> {
    const sending = this.#ask(end).finally(() => this.#sending.delete(sending))
    this.#sending.add(sending)
    return sending
  }

  async #ask(end: End): Promise<boolean> {
    const { semaphore, leaseId, number, isDoubtful } = end
    const { store, replica } = this.#options
    try {
      const reply = await store.end({ semaphore, leaseId, attachment: { replica, number }, unlessHeld: false })
      if (isDoubtful && reply.kind === 'not_attached') this.#endOnceMore(end)
      return true
    } catch {
      // What went wrong does not matter: an end is right whenever it comes.
      this.#keep(end)
      return false
    }
  }

  #keep(end: End): void {
    if (this.#isClosed) return
    const those = this.#unanswered.get(end.semaphore)
    if (those === undefined) this.#unanswered.set(end.semaphore, new Set([end]))
    else those.add(end)
    this.#count += 1
    if (this.#count > endsMax) this.#take(this.#oldest(1))
    if (this.#alarm.dueAtMs === Infinity) this.#pause()
  }

  #pause(): void {
    this.#failures += 1
    const { clock, pauseMsMax } = this.#options
    this.#alarm.setFor(clock.now() + backoffMs(this.#failures, pauseMsMax))
  }

  /** Nothing was attached, and the acquire may still come; if it has not by then, it never will. */
  #endOnceMore(end: End): void {
    if (this.#doubtful >= endsMax || this.#isClosed) return
    this.#doubtful += 1
    this.#options.clock.setTimeout(() => {
      this.#doubtful -= 1
      this.end({ ...end, isDoubtful: false })
    }, this.#options.graceMs)
  }

  async #resendSome(): Promise<void> {
    const answered = await Promise.all(this.#take(this.#oldest(together)).map((end) => this.#send(end)))
    if (this.#isClosed || this.#count === 0) return
    if (answered.includes(false)) {
      this.#pause()
    } else {
      this.#failures = 0
      this.resendAll()
    }
  }

  #oldest(howMany: number): End[] {
    const chosen: End[] = []
    for (const those of this.#unanswered.values()) {
      for (const end of those) {
        if (chosen.length === howMany) return chosen
        chosen.push(end)
      }
    }
    return chosen
  }

  #take(ends: Iterable<End>): End[] {
    const taken = [...ends]
    for (const end of taken) {
      const those = this.#unanswered.get(end.semaphore)
      if (those?.delete(end) === true) this.#count -= 1
      if (those?.size === 0) this.#unanswered.delete(end.semaphore)
    }
    return taken
  }
}
