import { LimitConflictError, SignalboxError, type Lease, type SignalboxClient } from '@signalbox/client'
import { durationText } from '../duration.js'
import type { Status } from '../status.js'
import type { Place } from './place.js'
import type { RunPlan } from './plan.js'

const showEveryMs = 1_000
const lookEveryMs = 3_000

/** Acquires as the plan says, telling the user how long it takes. Rejects as the SDK does. */
export class Wait {
  readonly #client: SignalboxClient
  readonly #plan: RunPlan
  readonly #status: Status
  readonly #place: Place
  readonly #startedAtMs = performance.now()
  #position: number | undefined
  #trouble: { readonly reason: string; readonly untilMs: number } | undefined
  #told = false
  #wasTroubled = false
  #isOver = false
  #isAnswered = false
  #isUnheard = false

  constructor(client: SignalboxClient, plan: RunPlan, status: Status, place: Place) {
    this.#place = place
    this.#client = client
    this.#plan = plan
    this.#status = status
  }

  async acquire(signal: AbortSignal): Promise<Lease> {
    const showing = setInterval(() => this.#show(), showEveryMs)
    const looking = this.#status.isTerminal ? setInterval(() => void this.#look(), lookEveryMs) : undefined
    try {
      const lease = await this.#acquireOfEitherKind(signal)
      if (this.#told) this.#status.say(`granted after ${this.#waited}`)
      return lease
    } catch (error) {
      this.#isUnheard = !this.#isAnswered && error instanceof SignalboxError && error.code === 'UNREACHABLE'
      throw error
    } finally {
      clearInterval(showing)
      clearInterval(looking)
      this.#isOver = true
      this.#status.clear()
    }
  }

  /** Whether it came to nothing, and no attempt of it was answered: then nobody has to hear that the service could not be told of its end. */
  get isUnheard(): boolean {
    return this.#isUnheard
  }

  /** 1 is next. */
  placed(position: number): void {
    this.#isAnswered = true
    this.#position = position
    this.#trouble = undefined
    this.#show()
  }

  /** An attempt failed; the next is made after the delay, and says nothing while it waits in its turn. */
  troubled({ message: reason, status }: SignalboxError, delayMs: number): void {
    if (status !== undefined) this.#isAnswered = true
    // Once: a log must not look as if the queue were long.
    if (!this.#wasTroubled && !this.#status.isTerminal) this.#status.say(`${reason}; trying again`)
    this.#wasTroubled = true
    this.#trouble = { reason, untilMs: performance.now() + delayMs + showEveryMs }
  }

  async #look(): Promise<void> {
    const position = await this.#place.find()
    if (position !== undefined && !this.#isOver) this.placed(position)
  }

  get #waited(): string {
    return durationText(performance.now() - this.#startedAtMs)
  }

  /** It gives back exactly what it acquired, so both kinds of semaphore will do; a new one is made bounded, as HTTP makes them. */
  async #acquireOfEitherKind(signal: AbortSignal): Promise<Lease> {
    const { semaphore, limit, permits, ttlMs, waitMs, holder } = this.#plan
    const options = { permits, ttlMs, holder, signal, ...(waitMs === Infinity ? {} : { waitMs }) }
    try {
      return await this.#client.boundedSemaphore(semaphore, limit).acquire(options)
    } catch (error) {
      if (!(error instanceof LimitConflictError)) throw error
      return await this.#client.semaphore(semaphore, limit).acquire(options)
    }
  }

  #show(): void {
    if (!this.#told && !this.#status.isTerminal) this.#status.say(`waiting for ${this.#plan.semaphore}`)
    this.#told = true
    const { permits } = this.#plan
    const place = this.#position === undefined ? 'in the queue' : `${ordinal(this.#position)} in the queue`
    const { reason, untilMs = -Infinity } = this.#trouble ?? {}
    const state = performance.now() < untilMs ? reason : place
    const wanted = `${permits} permit${permits === 1 ? '' : 's'}`
    this.#status.show(`waiting for ${this.#plan.semaphore}: ${state}, ${wanted}, ${this.#waited}`)
  }
}

export function ordinal(place: number): string {
  const suffix = { one: 'st', two: 'nd', few: 'rd', other: 'th', zero: 'th', many: 'th' }
  return `${place}${suffix[new Intl.PluralRules('en', { type: 'ordinal' }).select(place)]}`
}
