import { throwIfAborted } from './abort.js'
import { fault, type Accepted, type Answer, type Fault, type Refused } from './answer.js'
import type { Clock } from './clock.js'
import type { Closable, Connection } from './connection.js'
import { AcquireTimeoutError, LeaseLostError, SignalboxError } from './errors.js'
import { giveBack } from './give-back.js'
import { exhausted, Patience } from './patience.js'
import { grantedOf, leaseOf, limitMismatchOf } from './replies.js'
import { localDeadlineMs, type Granted } from './term.js'
import { pause } from './timer.js'
import { describe, type Exchange } from './transport.js'
import { capMsMax, sliceMs, type AcquireBody, type LeaseReply } from './wire.gen.js'

/** One acquire of the program. */
export interface Wish {
  readonly semaphore: string
  readonly permits: number
  readonly ttlMs: number
  /** Infinity: until granted or aborted. */
  readonly waitMs: number
  readonly holder: string | undefined
  readonly create: NonNullable<AcquireBody['create']>
  readonly signal: AbortSignal | undefined
}

export type Acquired =
  | {
      readonly kind: 'held'
      readonly reply: LeaseReply
      readonly granted: Granted
      /** The limit in force, when `create` said another one. */
      readonly limitMismatch: number | undefined
      /** Whether an attempt may still be under way. */
      readonly retried: boolean
    }
  /** Nothing free, and the caller would not wait. */
  | { readonly kind: 'busy'; readonly error: SignalboxError }

type Step = Acquired | { readonly kind: 'refused'; readonly error: SignalboxError } | Waiting | Fault

interface Waiting {
  readonly kind: 'waiting'
  /** What the service said of the place in the queue. */
  readonly position?: number | undefined
}

const sliceGraceMs = 5_000
// Against a service whose slices are (almost) empty: never a busy loop.
const shortestSliceMs = 100

/**
 * Acquires one lease under one id, in as many attempts as it takes. Every attempt is closed before the next one starts, and an acquire that ends
 * without a lease is undone in the background whenever an attempt of it might still take effect.
 */
export function acquire(connection: Connection, wish: Wish): Promise<Acquired> {
  connection.refuseIfClosed()
  const { closing } = connection
  const signals = wish.signal === undefined ? [closing] : [wish.signal, closing]
  throwIfAborted(signals)
  return new Acquisition(connection, wish, signals).acquired
}

/** Whether the attempt is known to have no effect but the lease it reports. */
function isDecision(step: Step): boolean {
  if (step.kind === 'refused') return step.error.code !== 'UNEXPECTED_REPLY' && step.error.code !== 'INTERNAL'
  return step.kind === 'held' || step.kind === 'busy'
}

/** Believed, it would keep a caller that would not wait, or has waited, for as long as it is said. */
function strayWait({ status, requestId }: SignalboxError): SignalboxError {
  const text = 'Answered STILL_WAITING to a call that did not ask to wait, which is not a Signalbox reply'
  return new SignalboxError(text, { code: 'UNEXPECTED_REPLY', status, requestId })
}

class Acquisition implements Closable {
  readonly acquired: Promise<Acquired>
  readonly #connection: Connection
  readonly #clock: Clock
  readonly #wish: Wish
  readonly #signals: readonly AbortSignal[]
  readonly #leaseId = crypto.randomUUID()
  readonly #untilMs: number
  readonly #patience: Patience
  #attempts = 0
  /** Whether the last attempt was decided by the service. */
  #decided = true
  /** It has a place in the queue: from here on it waits there, each time for as long as the service lets it. */
  #queued = false

  constructor(connection: Connection, wish: Wish, signals: readonly AbortSignal[]) {
    this.#connection = connection
    this.#clock = connection.settings.clock
    this.#wish = wish
    this.#signals = signals
    this.#untilMs = this.#clock.now() + wish.waitMs
    this.#patience = new Patience(connection.settings.retryForMs)
    connection.open.add(this)
    this.acquired = this.#acquire()
  }

  /** Its signal has told it to end. Until it has, nobody knows whether there is something to undo. */
  async close(): Promise<void> {
    await this.acquired.catch(() => undefined)
  }

  async #acquire(): Promise<Acquired> {
    let held = false
    try {
      // In this one function: a layer of promises for each of its parts cost a fifth of all that the client does for a pair.
      for (;;) {
        const startedAtMs = this.#clock.now()
        const waitMs = this.#waitMs
        const mayBatch = this.#mayBatch(waitMs)
        const step = this.#judge(await this.#attempt(waitMs, mayBatch), waitMs)
        this.#decided = isDecision(step)
        this.#noteContention(step)
        switch (step.kind) {
          case 'held':
            held = true
            return step
          case 'busy':
            return step
          case 'refused':
            throw step.error
          case 'waiting':
            this.#patience.answered()
            this.#tellPlace(step)
            // What was told its place at once by a batch, which waits for nobody, has to be there before its grant.
            if (!mayBatch) await this.#pauseFor(startedAtMs + shortestSliceMs - this.#clock.now())
            break
          case 'fault':
            await this.#pauseAfter(step)
            break
        }
      }
    } finally {
      // One attempt that was decided cannot take effect later; of several, an earlier one can, and its place in the queue may outlive it.
      if (!held && (this.#attempts > 1 || !this.#decided)) {
        giveBack(this.#connection, this.#wish.semaphore, this.#leaseId, this.#wish.ttlMs)
      }
      this.#connection.open.delete(this)
    }
  }

  get #waitMs(): number {
    return Math.min(Math.ceil(Math.max(0, this.#untilMs - this.#clock.now())), sliceMs)
  }

  /** Not what would be told by the batch that it has to wait, only to ask again by itself. */
  #mayBatch(waitMs: number): boolean {
    return waitMs === 0 || (!this.#queued && !this.#connection.contended.has(this.#wish.semaphore))
  }

  #noteContention(step: Step): void {
    const { contended } = this.#connection
    if (step.kind === 'waiting') this.#queued = true
    if (step.kind === 'waiting' || (step.kind === 'held' && (this.#queued || step.reply.waitedMs > 0)))
      contended.add(this.#wish.semaphore)
    else if (step.kind === 'held') contended.delete(this.#wish.semaphore)
  }

  #attempt(waitMs: number, mayBatch: boolean): Promise<Answer> {
    const { settings, transport } = this.#connection
    const timeoutMs = waitMs === 0 ? settings.timeoutMs : Math.min(waitMs, capMsMax) + sliceGraceMs
    this.#attempts++
    this.#decided = false
    return transport.attempt(this.#exchange(waitMs, mayBatch), timeoutMs, this.#signals)
  }

  #exchange(waitMs: number, mayBatch: boolean): Exchange {
    const { semaphore, permits, ttlMs, holder, create } = this.#wish
    const leaseId = this.#leaseId
    // Undefined is not sent: the body of one of many is shorter to write and to read without what it says by default.
    const body: AcquireBody = { leaseId, permits: permits === 1 ? undefined : permits, ttlMs, waitMs, holder, create }
    const path = `/v1/semaphores/${encodeURIComponent(semaphore)}/acquire`
    if (!mayBatch) return { method: 'POST', path, body }
    const { timeoutMs } = this.#connection.settings
    return { method: 'POST', path, body, batched: { call: 'acquire', semaphore, timeoutMs } }
  }

  /** Throws what is not a Signalbox reply; that attempt counts as undecided. */
  #judge(answer: Answer, askedWaitMs: number): Step {
    switch (answer.kind) {
      case 'accepted':
        return this.#judgeLease(answer)
      case 'fault':
        return answer
      case 'refused':
        return this.#judgeRefusal(answer, askedWaitMs)
    }
  }

  #judgeLease(answer: Accepted): Step {
    const { semaphore, permits, ttlMs } = this.#wish
    const reply = leaseOf(answer, { leaseId: this.#leaseId, semaphore, permits, expiresInMsMax: ttlMs })
    const granted = grantedOf(answer, reply)
    if (localDeadlineMs(granted) <= this.#clock.now()) {
      const text = `The lease was granted for ${reply.expiresInMs} ms and had run out before it could be used: is ttlMs too short, or the event loop blocked?`
      return fault(new LeaseLostError(text, { code: 'LEASE_NOT_HELD', retryable: true, requestId: answer.requestId }))
    }
    const limitMismatch = limitMismatchOf(answer)?.limit
    return { kind: 'held', reply, granted, limitMismatch, retried: this.#attempts > 1 }
  }

  #judgeRefusal({ error, position }: Refused, askedWaitMs: number): Step {
    const { code } = error
    if (code === 'STILL_WAITING')
      return askedWaitMs > 0 ? { kind: 'waiting', position } : { kind: 'refused', error: strayWait(error) }
    if (code === 'PERMITS_UNAVAILABLE' && this.#wish.waitMs === 0) return { kind: 'busy', error }
    if (code !== 'ACQUIRE_TIMEOUT' && code !== 'PERMITS_UNAVAILABLE') return { kind: 'refused', error }
    // Only a service with slices longer than what was asked for gives up early.
    if (this.#clock.now() < this.#untilMs) return { kind: 'waiting' }
    return { kind: 'refused', error: code === 'ACQUIRE_TIMEOUT' ? error : this.#timedOut(error) }
  }

  /** The last attempt of a wait asks with `waitMs` 0, and is told "busy". */
  #timedOut(busy: SignalboxError): AcquireTimeoutError {
    const { status, requestId } = busy
    const text = `No permit of ${this.#wish.semaphore} came free within ${this.#wish.waitMs} ms`
    return new AcquireTimeoutError(text, { code: 'ACQUIRE_TIMEOUT', status, retryable: true, requestId, cause: busy })
  }

  #tellPlace({ position }: Waiting): void {
    if (position === undefined) return
    this.#connection.events.emit({ kind: 'waiting', semaphore: this.#wish.semaphore, position })
  }

  async #pauseAfter(last: Fault): Promise<void> {
    const request = describe(this.#exchange(0, false))
    const delayMs = this.#patience.pauseMs(last, this.#clock.now(), this.#untilMs)
    if (delayMs === null) throw exhausted(request, this.#attempts, last)
    this.#connection.events.emit({ kind: 'retry', request, attempts: this.#attempts, delayMs, error: last.error })
    await this.#pauseFor(delayMs)
  }

  async #pauseFor(delayMs: number): Promise<void> {
    if (delayMs > 0) await pause(this.#clock, delayMs, this.#signals, false)
    throwIfAborted(this.#signals)
  }
}
