import type { SignalboxError } from './errors.js'
import { LeaseLostError } from './errors.js'
import type { Clock } from './clock.js'
import type { Term } from './term.js'
import { Alarm } from './timer.js'

/** What became of one attempt to renew. A success has extended the term already. */
export type RenewOutcome =
  | { readonly kind: 'renewed' }
  /** The service says that the lease is gone. */
  | { readonly kind: 'lost'; readonly error: LeaseLostError }
  /** No answer, or one that decides nothing. Not a loss: the lease lives on to its deadline. */
  | { readonly kind: 'unknown'; readonly error: SignalboxError }

export interface RenewalCallbacks {
  /** Sends one attempt. Must not reject. */
  renew(ttlMs: number, timeoutMs: number): Promise<RenewOutcome>
  /** Once, when the lease is over; the renewal has stopped. */
  lost(error: LeaseLostError): void
  failed(error: SignalboxError): void
}

// A failed attempt that took its whole time-out has waited enough; one that failed at once must not become a busy loop.
const longestPauseMs = 1_000
const noticeableLatenessMs = 50

/**
 * Keeps one lease alive. One alarm and at most one attempt:
 *
 *   resting --a third of the ttl is used--> trying --renewed--> resting
 *   trying --unknown--> pausing (not at all the first time, then jittered and short) --> trying
 *   trying --the service says lost--> lost
 *   any --the local deadline passes--> lost          any --stop--> stopped: an attempt in flight is ignored
 */
export class Renewal {
  readonly #clock: Clock
  readonly #term: Term
  readonly #callbacks: RenewalCallbacks
  readonly #timeoutMs: number
  /** One for both, because most leases are released before either: at the next attempt, or at the end while there is none to come. */
  readonly #alarm: Alarm
  #stopped = false
  #trying = false
  /** Infinity: none is due. */
  #nextAtMs = Infinity
  #failures = 0
  #latestMs = 0

  constructor(clock: Clock, term: Term, timeoutMs: number, callbacks: RenewalCallbacks) {
    this.#clock = clock
    this.#alarm = new Alarm(clock)
    this.#term = term
    this.#timeoutMs = timeoutMs
    this.#callbacks = callbacks
  }

  /** Sets the alarm by the term; again after the term changed from outside. */
  schedule(notBeforeMs = 0): void {
    if (this.#stopped) return
    const { renewAtMs } = this.#term
    if (!this.#trying) this.#nextAtMs = renewAtMs === null ? Infinity : Math.max(renewAtMs, notBeforeMs)
    this.#setAlarm()
  }

  stop(): void {
    this.#stopped = true
    this.#alarm.clear()
  }

  /** Reports the loss if the deadline has passed: a blocked event loop runs user code before it runs timers. */
  checkDeadline(): void {
    if (this.#stopped || !this.#term.over) return
    this.stop()
    this.#callbacks.lost(new LeaseLostError(this.#lossText(), { code: 'LEASE_NOT_HELD' }))
  }

  #lossText(): string {
    if (this.#term.capped) return 'The lease has ended: it was held for maxHoldMs'
    const lateMs = Math.round(Math.max(this.#latestMs, this.#clock.now() - this.#term.deadlineMs))
    const failures = this.#failures === 0 ? '' : `; attempts that failed: ${this.#failures}`
    const blocked =
      lateMs < noticeableLatenessMs
        ? ''
        : `; the event loop was blocked, or the process stopped, for ${lateMs} ms, and no timer ran`
    return `The lease's deadline has passed without a renewal${failures}${blocked}`
  }

  #setAlarm(): void {
    const atMs = Math.min(this.#nextAtMs, this.#term.deadlineMs)
    this.#alarm.set(atMs, () => {
      this.#noteLateness(atMs)
      this.checkDeadline()
      if (this.#stopped) return
      if (this.#clock.now() >= this.#nextAtMs) void this.#try()
      this.#setAlarm()
    })
  }

  async #try(): Promise<void> {
    this.#trying = true
    this.#nextAtMs = Infinity
    const timeoutMs = Math.min(this.#timeoutMs, Math.max(1, this.#term.ttlMs / 6))
    const outcome = await this.#callbacks.renew(this.#term.cappedTtlMs(this.#term.ttlMs), timeoutMs)
    this.#trying = false
    if (this.#stopped) return
    switch (outcome.kind) {
      case 'renewed':
        this.#failures = 0
        this.#latestMs = 0
        // Should the service renew for less than was asked, this must not become a busy loop.
        this.schedule(this.#clock.now() + this.#term.ttlMs / 12)
        return
      case 'lost':
        this.stop()
        this.#callbacks.lost(outcome.error)
        return
      case 'unknown':
        this.#failures++
        this.#callbacks.failed(outcome.error)
        this.#nextAtMs = this.#clock.now() + this.#pauseMs()
        this.#setAlarm()
        return
    }
  }

  #pauseMs(): number {
    if (this.#failures === 1) return 0
    const ceilingMs = Math.min(longestPauseMs, this.#term.ttlMs / 12)
    return ceilingMs * (0.5 + Math.random() / 2)
  }

  #noteLateness(plannedAtMs: number): void {
    this.#latestMs = Math.max(this.#latestMs, this.#clock.now() - plannedAtMs)
  }
}
