import type { Closable, Connection } from './connection.js'
import { asyncDispose } from './dispose.js'
import { allowManyListeners } from './environment.js'
import { LeaseLostError, SignalboxError } from './errors.js'
import { giveBack, isNotHeld, releaseExchange } from './give-back.js'
import type { Lease } from './lease.js'
import { wholeOf } from './options.js'
import { Renewal, type RenewOutcome } from './renewal.js'
import { checkReleased, grantedOf, leaseOf, type AskedLease } from './replies.js'
import { send } from './send.js'
import { localDeadlineMs, Term, type Granted } from './term.js'
import type { Exchange } from './transport.js'
import type { LeaseReply, RenewBody } from './wire.gen.js'

/** How a lease came about. */
export interface Grant {
  readonly reply: LeaseReply
  readonly granted: Granted
  readonly holder: string | undefined
  /** Infinity: no cap. */
  readonly maxHoldMs: number
  /** Whether an attempt to acquire may still arrive: then the release must refuse the id for a while. */
  readonly retire: boolean
}

export function renewExchange(semaphore: string, body: RenewBody): Exchange {
  return {
    method: 'POST',
    path: `/v1/semaphores/${encodeURIComponent(semaphore)}/renew`,
    body,
    batched: { call: 'renew', semaphore },
  }
}

/**
 * The one implementation of `Lease`.
 *
 *   held --release--> released     held --deadline, or the service says so--> lost     held --detach--> detached
 *
 * Only `held` renews, and only from `held` can it become lost: a renewal that fails after `release` began says nothing new.
 */
export class HeldLease implements Lease, Closable {
  readonly id: string
  readonly semaphore: string
  readonly permits: number
  readonly fence: number
  readonly holder: string | undefined
  readonly #connection: Connection
  readonly #term: Term
  readonly #renewal: Renewal
  readonly #retire: boolean
  /** Made when somebody asks for it: most leases are released before that, and it cost more than the lease. */
  #aborting: AbortController | undefined
  #state: 'held' | 'released' | 'lost' | 'detached' = 'held'
  #lost: LeaseLostError | undefined
  /** With what the signal has aborted. */
  #endedBy: LeaseLostError | undefined
  #released: Promise<void> | undefined

  constructor(connection: Connection, grant: Grant) {
    const { reply } = grant
    this.id = reply.leaseId
    this.semaphore = reply.semaphore
    this.permits = reply.permits
    this.fence = reply.fence
    this.holder = grant.holder
    this.#connection = connection
    this.#retire = grant.retire
    this.#term = new Term(connection.settings.clock, grant.granted, reply.ttlMs, grant.maxHoldMs)
    this.#renewal = new Renewal(connection.settings.clock, this.#term, connection.settings.timeoutMs, {
      renew: (ttlMs, timeoutMs) => this.#renewOnce(ttlMs, timeoutMs),
      lost: (error) => this.#lose(error),
      failed: (error) => this.#renewFailed(error),
    })
    connection.open.add(this)
    this.#renewal.schedule()
  }

  get signal(): AbortSignal {
    this.#renewal.checkDeadline()
    return this.#own.signal
  }

  get #own(): AbortController {
    if (this.#aborting === undefined) {
      this.#aborting = new AbortController()
      allowManyListeners(this.#aborting.signal)
      if (this.#endedBy !== undefined) this.#aborting.abort(this.#endedBy)
    }
    return this.#aborting
  }

  #abort(error: LeaseLostError): void {
    this.#endedBy = error
    this.#aborting?.abort(error)
  }

  /** The reason of the signal, for who does not need the signal. */
  get endedBy(): LeaseLostError | undefined {
    this.#renewal.checkDeadline()
    return this.#endedBy
  }

  get #asked(): AskedLease {
    return { leaseId: this.id, semaphore: this.semaphore, permits: this.permits }
  }

  get expiresInMs(): number {
    if (this.#state === 'released' || this.#state === 'lost') return 0
    return Math.max(0, Math.floor(this.#term.leftMs))
  }

  async renew(asked?: number): Promise<void> {
    const ttlMs = wholeOf('ttlMs', asked, this.#term.ttlMs)
    this.#throwIfOver()
    const terms = {
      timeoutMs: Math.min(this.#connection.settings.timeoutMs, Math.max(1, this.#term.ttlMs / 6)),
      retryForMs: this.#connection.settings.retryForMs,
      untilMs: this.#state === 'held' ? this.#term.deadlineMs : Infinity,
      signals: [this.#connection.ending, this.#own.signal],
    }
    const { transport, events } = this.#connection
    const exchange = renewExchange(this.semaphore, { leaseId: this.id, ttlMs: this.#term.cappedTtlMs(ttlMs) })
    try {
      const decision = await send(transport, events, exchange, terms)
      if (decision.kind === 'refused') throw decision.error
      this.#term.extend(grantedOf(decision, leaseOf(decision, this.#asked)))
      this.#term.ttlMs = ttlMs
      if (this.#state === 'held') this.#renewal.schedule()
    } catch (error) {
      if (this.#released !== undefined) return
      if (error instanceof LeaseLostError) this.#lose(error)
      this.#throwIfOver()
      throw error
    }
  }

  #throwIfOver(): void {
    this.#renewal.checkDeadline()
    if (this.#lost !== undefined) throw this.#lost
    if (this.#released !== undefined) throw new LeaseLostError('The lease was released', { code: 'LEASE_NOT_HELD' })
  }

  release(): Promise<void> {
    // Before anything else: who hears of the loss may call release too.
    this.#renewal.checkDeadline()
    this.#released ??= this.#release()
    return this.#released
  }

  detach(): void {
    if (this.#state !== 'held') return
    this.#state = 'detached'
    this.#renewal.stop()
    this.#connection.open.delete(this)
    this.#connection.account.remove(this)
  }

  async [asyncDispose](): Promise<void> {
    if (this.#state !== 'detached') await this.#releaseQuietly()
  }

  /** The client closes: whoever still works under the lease must hear that it ends. */
  async close(cause: SignalboxError): Promise<void> {
    const error = new LeaseLostError('The lease was released because the client was closed', {
      code: 'LEASE_NOT_HELD',
      cause,
    })
    const wasHeld = this.#state === 'held'
    const releasing = this.#releaseQuietly()
    if (wasHeld) this.#abort(error)
    await releasing
  }

  /** Releases; what goes wrong is an event, except the loss, which has been one already. Never rejects. */
  async #releaseQuietly(): Promise<void> {
    try {
      await this.release()
    } catch (error) {
      if (error !== this.#lost) {
        this.#connection.events.emit({ kind: 'release-failed', semaphore: this.semaphore, error })
      }
    }
  }

  async #release(): Promise<void> {
    this.#renewal.stop()
    this.#connection.account.remove(this)
    if (this.#lost !== undefined) {
      // Unless the service said so itself, a renewal whose reply was lost may have kept it alive there.
      if (this.#lost.status === undefined) giveBack(this.#connection, this.semaphore, this.id, this.#term.ttlMs)
      throw this.#lost
    }
    const detached = this.#state === 'detached'
    this.#state = 'released'
    const { transport, events, settings, ending } = this.#connection
    const exchange = releaseExchange(this.semaphore, { leaseId: this.id, retire: this.#retire || undefined })
    try {
      const decision = await send(transport, events, exchange, {
        timeoutMs: settings.timeoutMs,
        retryForMs: settings.retryForMs,
        // Beyond it there is nothing left to give back.
        untilMs: detached ? Infinity : this.#term.deadlineMs,
        signals: [ending],
      })
      if (decision.kind === 'accepted') checkReleased(decision, this.id)
      // An earlier attempt has released it, and its reply was lost.
      else if (!isNotHeld(decision.error) || decision.attempts === 1 || this.#term.over) throw decision.error
    } finally {
      this.#connection.open.delete(this)
    }
  }

  async #renewOnce(ttlMs: number, timeoutMs: number): Promise<RenewOutcome> {
    try {
      const exchange = renewExchange(this.semaphore, { leaseId: this.id, ttlMs })
      // Closed when the lease is lost: a late renewal would keep the permits from others for another ttl.
      const signals = [this.#connection.ending, this.#own.signal]
      const answer = await this.#connection.transport.attempt(exchange, timeoutMs, signals)
      if (answer.kind === 'accepted') {
        this.#term.extend(grantedOf(answer, leaseOf(answer, this.#asked)))
        return { kind: 'renewed' }
      }
      const { error } = answer
      return error instanceof LeaseLostError ? { kind: 'lost', error } : { kind: 'unknown', error }
    } catch (error) {
      return { kind: 'unknown', error: asSignalboxError(error) }
    }
  }

  #renewFailed(error: SignalboxError): void {
    const { semaphore, fence, expiresInMs } = this
    this.#connection.events.emit({ kind: 'renew-failed', semaphore, fence, expiresInMs, error })
  }

  #lose(error: LeaseLostError): void {
    if (this.#state !== 'held') return
    this.#state = 'lost'
    this.#lost = error
    this.#renewal.stop()
    this.#connection.open.delete(this)
    this.#abort(error)
    this.#connection.events.emit({ kind: 'lease-lost', semaphore: this.semaphore, fence: this.fence, error })
  }
}

function asSignalboxError(error: unknown): SignalboxError {
  if (error instanceof SignalboxError) return error
  return new SignalboxError(`The renewal failed: ${String(error)}`, {
    code: 'UNREACHABLE',
    retryable: true,
    cause: error,
  })
}

const adoptionsMax = 3

/** Takes a lease over by its id. The answer to its first renewal is all that is known of it. */
export async function adopt(
  connection: Connection,
  semaphore: string,
  leaseId: string,
  terms: { readonly ttlMs: number; readonly maxHoldMs: number; readonly signal: AbortSignal | undefined },
): Promise<HeldLease> {
  // More than once only when the answer came so late that the lease had run out again.
  for (let renewals = 0; renewals < adoptionsMax; renewals++) {
    const decision = await connection.send(renewExchange(semaphore, { leaseId, ttlMs: terms.ttlMs }), terms.signal)
    if (decision.kind === 'refused') throw decision.error
    const reply = leaseOf(decision, { leaseId, semaphore })
    const granted = grantedOf(decision, reply)
    if (localDeadlineMs(granted) <= connection.settings.clock.now()) continue
    return new HeldLease(connection, { reply, granted, holder: undefined, maxHoldMs: terms.maxHoldMs, retire: false })
  }
  const text = `The lease ran out each time before its renewal was known: is a ttlMs of ${terms.ttlMs} too short?`
  throw new LeaseLostError(text, { code: 'LEASE_NOT_HELD' })
}
