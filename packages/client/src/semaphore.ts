import { throwIfAborted } from './abort.js'
import { acquire, type Wish } from './acquire.js'
import { grow, inspect, inspectIfThere, resize } from './administration.js'
import { connectionOf, defaultConnection, type Connection } from './connection.js'
import { asyncDispose } from './dispose.js'
import { LeaseLostError, ValueError, type SignalboxError } from './errors.js'
import { giveBack } from './give-back.js'
import { adopt, HeldLease } from './held-lease.js'
import type { Lease } from './lease.js'
import { refused, shown } from './option-checks.js'
import { refuseUnknownOfSemaphore, termsOf, valueOf } from './options.js'
import type { AcquireOptions, AdoptOptions, SemaphoreOptions, TryAcquireOptions } from './options.js'
import { inRunSpan } from './telemetry.js'
import { semaphoreNamePattern, type SemaphoreReply } from './wire.gen.js'

/** What the service says of a semaphore: `used` permits are held, `waiting` callers queue, the first of them for `oldestWaitMs`. */
export type SemaphoreState = SemaphoreReply

type Held = { readonly kind: 'held'; readonly lease: HeldLease; readonly connection: Connection }
type Outcome = Held | { readonly kind: 'busy'; readonly error: SignalboxError }

/** What `run` calls while the permits are held. */
export type Work<Result> = (lease: Lease) => Result | PromiseLike<Result>

/**
 * A counting semaphore across machines, with the words of Python's `asyncio.Semaphore`. Everybody who uses a name at one service shares its
 * permits. Making the object sends nothing: the first acquire creates the semaphore, with `value` as its limit. Not re-entrant.
 *
 * Every method rejects with `UnavailableError` when the service could not be reached for `retryForMs`, with `AuthenticationError` when the key does
 * not allow it, and with `SignalboxError` (code `CLIENT_CLOSED`) after the client was closed.
 */
export class Semaphore {
  readonly name: string
  readonly #value: number | undefined
  readonly #options: SemaphoreOptions
  /** Of the client that was given; else of the shared one, looked up at each use. */
  readonly #given: Connection | undefined
  /** What `acquire` and `tryAcquire` last gave a lease out by. */
  #accountedBy: Connection | undefined

  /**
   * `value`: the limit to create the semaphore with, 0 or more; left out: use what is there, or create with 1. It never resizes what is
   * there. Throws `ValueError` for a negative or broken value, and `InvalidRequestError` for a name that no semaphore can have or an option that there is not.
   */
  constructor(name: string, value?: number, options: SemaphoreOptions = {}) {
    // The pattern alone would take undefined for the name "undefined".
    if (typeof name !== 'string' || !semaphoreNamePattern.test(name)) {
      throw refused(
        `A semaphore's name is a letter or digit and up to 127 of letters, digits and . _ : -, not ${shown(name)}`,
      )
    }
    refuseUnknownOfSemaphore(options)
    this.name = name
    this.#value = value === undefined ? undefined : valueOf(value, 'Semaphore initial value')
    this.#options = options
    this.#given = options.client === undefined ? undefined : connectionOf(options.client)
  }

  /** Whether releasing more than was acquired is an error, instead of raising the limit. */
  get bounded(): boolean {
    return false
  }

  /**
   * Waits, first come first served, until the permits are held, and resolves with their lease. Rejects with `AcquireTimeoutError` when `waitMs` is
   * over (`PermitsUnavailableError` if it was 0), `PermitsExceedLimitError`, `LimitConflictError`, `QueueFullError`, `WaitCancelledError` (somebody released
   * the waiting id), `NotFoundError` (somebody removed the semaphore while this waited), or `signal.reason` itself. After a rejection nothing is held and nobody waits; what attempts may have left
   * is undone in the background.
   */
  async acquire(options: AcquireOptions = {}): Promise<Lease> {
    const outcome = await this.#acquire(options)
    if (outcome.kind === 'busy') throw outcome.error
    return this.#accounted(outcome)
  }

  /** The same without waiting: null when no permit is free, or somebody waits. Never null because the service is down. */
  async tryAcquire(options: TryAcquireOptions = {}): Promise<Lease | null> {
    const outcome = await this.#acquire({ ...options, waitMs: 0 })
    return outcome.kind === 'busy' ? null : this.#accounted(outcome)
  }

  /**
   * Acquires, calls `work`, releases when it has ended, and resolves or rejects with what it did. A lease lost before that: `LeaseLostError`, with what
   * `work` threw, if anything, as `cause`; heed `lease.signal`, for `run` cannot stop the work and waits for its end. A release that fails
   * afterwards changes no outcome: it is a `release-failed` event. Rejects as `acquire` does when it comes to nothing.
   */
  async run<Result>(work: Work<Result>): Promise<Result>
  async run<Result>(options: AcquireOptions, work: Work<Result>): Promise<Result>
  async run<Result>(first: AcquireOptions | Work<Result>, second?: Work<Result>): Promise<Result> {
    const work = typeof first === 'function' ? first : second
    const options = typeof first === 'function' ? {} : first
    if (typeof work !== 'function') throw new TypeError('run needs a function to call')
    const { openTelemetry, clock } = this.#connection.settings
    const span = { semaphore: this.name, permits: options.permits ?? 1, clock }
    return await inRunSpan(openTelemetry, span, async (held) => {
      const outcome = await this.#acquire(options)
      if (outcome.kind === 'busy') throw outcome.error
      held(outcome.lease)
      return await runUnder(outcome.lease, work)
    })
  }

  /**
   * Gives back the oldest lease (with all its permits) that `acquire` or `tryAcquire` gave out through this client for this name and nobody
   * has released. When that one was lost: rejects with `LeaseLostError` and changes nothing; the lease is done with, and the next call takes the
   * next. When there is none, raises the limit by one, for good, as asyncio's counter does (needs a key with `admin`; event `limit-grown`). Once
   * the client of the last acquire is closed it rejects with `CLIENT_CLOSED`: closing has given back what was held.
   */
  async release(): Promise<void> {
    // Not a new shared one where that of the acquire was closed: its account would be empty, and the release of a lease that is back raise the limit.
    const connection = this.#given ?? this.#accountedBy ?? defaultConnection()
    connection.refuseIfClosed()
    const lease = connection.account.oldest(this.name)
    // Takes it out of the account before anything is awaited: two releases never meet at one lease.
    if (lease !== undefined) {
      await lease.release()
      return
    }
    if (this.bounded)
      throw new ValueError('BoundedSemaphore released too many times', { code: 'RELEASED_TOO_MANY_TIMES' })
    const { limit } = await grow(connection, this.#wish({ waitMs: 0 }))
    connection.events.emit({ kind: 'limit-grown', semaphore: this.name, limit })
  }

  /**
   * Whether an acquire would not be granted at once: no permit is free, or somebody waits. Of a semaphore that does not exist yet: whether the initial
   * value is 0. A hint, out of date when you have it; never a guard (`tryAcquire` is one). Creates nothing. Needs `inspect`.
   */
  async locked(): Promise<boolean> {
    const state = await inspectIfThere(this.#connection, this.name)
    return state === null ? this.#value === 0 : state.available === 0 || state.waiting > 0
  }

  /** What the service says of it now. Rejects with `NotFoundError` while nobody has used it. Needs `inspect`. */
  async inspect(): Promise<SemaphoreState> {
    return await inspect(this.#connection, this.name)
  }

  /**
   * Sets the limit, for everybody and for good, and resolves with the state after it. Fewer than are held revokes nothing: no grant is made until
   * use is below it. 0 pauses. Waiters for more permits than it are refused. Creates the semaphore if need be. Needs `admin`.
   */
  async resize(limit: number): Promise<SemaphoreState> {
    return await resize(this.#connection, this.name, valueOf(limit, 'Semaphore limit'), this.bounded)
  }

  /**
   * Takes a lease over by its id, from wherever it was acquired: renews it at once and keeps it renewed. Rejects with `LeaseLostError` when it is gone.
   * It is not given back by `release()` without a lease. Who gave it away should have called `detach`.
   */
  async adopt(leaseId: string, options: AdoptOptions = {}): Promise<Lease> {
    const { ttlMs, maxHoldMs } = termsOf(options, this.#options)
    return await adopt(this.#connection, this.name, leaseId, { ttlMs, maxHoldMs, signal: options.signal })
  }

  get #connection(): Connection {
    return this.#given ?? defaultConnection()
  }

  #wish(options: AcquireOptions, terms = termsOf(options, this.#options)): Wish {
    const { permits, ttlMs, waitMs } = terms
    const holder = options.holder ?? this.#options.holder ?? this.#connection.settings.holder
    // Nobody who left the value out can disagree with what is there.
    const onConflict = this.#value === undefined ? 'keep' : (this.#options.onConflict ?? 'keep')
    const create = {
      limit: this.#value ?? 1,
      bounded: this.bounded ? undefined : false,
      onConflict: onConflict === 'keep' ? undefined : onConflict,
    }
    return { semaphore: this.name, permits, ttlMs, waitMs, holder, create, signal: options.signal }
  }

  async #acquire(options: AcquireOptions): Promise<Outcome> {
    const connection = this.#connection
    const terms = termsOf(options, this.#options)
    const wish = this.#wish(options, terms)
    const acquired = await acquire(connection, wish)
    if (acquired.kind === 'busy') return acquired
    const { reply, granted, limitMismatch, retried } = acquired
    // From the grant to here there were only turns of the microtask queue, but other microtasks may have aborted, or closed the client, in them.
    if (wish.signal?.aborted === true || connection.closed) {
      giveBack(connection, this.name, reply.leaseId, reply.ttlMs)
      throwIfAborted(wish.signal === undefined ? [] : [wish.signal])
      connection.refuseIfClosed()
    }
    if (this.#value !== undefined && limitMismatch !== undefined) {
      connection.events.limitMismatch(this.name, this.#value, limitMismatch)
    }
    const grant = { reply, granted, holder: wish.holder, maxHoldMs: terms.maxHoldMs, retire: retried }
    return { kind: 'held', lease: new HeldLease(connection, grant), connection }
  }

  #accounted({ lease, connection }: Held): Lease {
    this.#accountedBy = connection
    connection.account.add(lease)
    return lease
  }
}

async function runUnder<Result>(lease: HeldLease, work: Work<Result>): Promise<Result> {
  try {
    let result: Result
    try {
      result = await work(lease)
    } catch (error) {
      throw lostBefore(lease, error) ?? error
    }
    const lost = lostBefore(lease, undefined)
    if (lost !== undefined) throw lost
    return result
  } finally {
    await lease[asyncDispose]()
  }
}

/** Undefined while the lease is held. */
function lostBefore({ endedBy: lost }: HeldLease, thrown: unknown): LeaseLostError | undefined {
  if (lost === undefined || thrown === lost) return lost
  const { code, status, requestId, cause } = lost
  return new LeaseLostError(lost.message, { code, status, requestId, cause: thrown ?? cause })
}
