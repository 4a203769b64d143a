import type { AcquireRequest, HeldLease } from '../engine.js'
import type { AcquireReply, GrantedLease, LimitMismatch } from '../store.js'
import type { Clock } from './clock.js'

/**
 * What one open request knows of its own wait, and so which grants it may report, and as what. Times are the replica's, monotonic; those that
 * leases and replies bring are the store's, and are only ever compared with each other.
 */
export class WaitSoFar {
  readonly #request: AcquireRequest
  readonly #clock: Clock
  readonly #arrivedAtMs: number
  #firstAskedAtMs: number | null = null
  /** When the last command was sent that found the id still waiting. */
  #foundWaitingAtMs = -Infinity
  /** When the store attached this request to a waiter, first and last. */
  #firstAttachedAtMs: number | null = null
  #attachedAtMs = -Infinity
  #limitMismatch: LimitMismatch = null
  /** A grant that a notice told of while an acquire was not answered yet. */
  #heard: GrantedLease | null = null

  constructor(request: AcquireRequest, clock: Clock) {
    this.#request = request
    this.#clock = clock
    this.#arrivedAtMs = clock.now()
  }

  /** Until when the caller is kept waiting. */
  untilMs(capMs: number): number {
    return this.#arrivedAtMs + Math.min(this.#request.waitMs, capMs)
  }

  /**
   * An acquire is on its way. If it is the first, a notice of a grant will prove that it found the id waiting, even if its own reply never
   * comes: only an attachment that waited is told.
   */
  asked(askedAtMs: number): void {
    if (this.#foundWaitingAtMs === -Infinity) this.#foundWaitingAtMs = askedAtMs
    this.#firstAskedAtMs ??= askedAtMs
  }

  /** `isFirst`: only the first acquire carries `create`, so only its reply compares limits. */
  answered(reply: AcquireReply & { kind: 'granted' | 'queued' }, isFirst: boolean, askedAtMs: number): void {
    if (isFirst) this.#limitMismatch = reply.limitMismatch
    if (reply.kind === 'granted') return
    this.foundWaiting(askedAtMs)
    this.#firstAttachedAtMs ??= reply.attachedAtMs
    this.#attachedAtMs = reply.attachedAtMs
  }

  foundWaiting(askedAtMs: number): void {
    this.#foundWaitingAtMs = Math.max(this.#foundWaitingAtMs, askedAtMs)
  }

  keepHeard(lease: GrantedLease): void {
    if (this.#heard === null || this.#heard.fence < lease.fence) this.#heard = lease
  }

  takeHeard(): GrantedLease | null {
    const heard = this.#heard
    this.#heard = null
    return heard
  }

  /**
   * Whether a grant that was made out of the queue, and heard of by a notice, may be reported (I13). It was made after the last command that
   * found the id waiting, so while less than its ttl has passed since that was sent, its deadline has not. A notice from
   * before the last attaching speaks of an earlier lease of the same id, which is over.
   */
  isWorthHaving(lease: GrantedLease): boolean {
    return lease.grantedAtMs >= this.#attachedAtMs && this.#clock.now() - this.#foundWaitingAtMs < fullMs(lease)
  }

  /** Whether a lease that a reply showed may be reported: what was left of it has not run out since its command was sent. */
  isStillHeld(lease: GrantedLease, askedAtMs: number): boolean {
    return this.#clock.now() - askedAtMs < lease.expiresInMs
  }

  /** A lease as the reply to an acquire showed it: taken after that was sent. Held at once, nobody waited. */
  heldSinceReply(lease: GrantedLease, askedAtMs: number): HeldLease {
    const waitedMs = askedAtMs === this.#firstAskedAtMs ? 0 : askedAtMs - this.#arrivedAtMs
    return this.#held(lease, lease.expiresInMs, waitedMs)
  }

  /**
   * A lease granted out of the queue, as of its grant: the whole ttl, and how long after the arrival of this request that was. Both ends of
   * the wait are the store's, rounded down to ms, so one less is never too much; and should that clock have stepped, the wait
   * was no longer than it was here.
   */
  heldSinceGrant(lease: GrantedLease): HeldLease {
    const inStoreMs = this.#firstAttachedAtMs === null ? 0 : lease.grantedAtMs - this.#firstAttachedAtMs - 1
    return this.#held(lease, fullMs(lease), Math.min(inStoreMs, this.#clock.now() - this.#arrivedAtMs))
  }

  // Field by field: spreading the lease took a quarter of the time of an uncontended acquire.
  #held(lease: GrantedLease, expiresInMs: number, waitedMs: number): HeldLease {
    return {
      permits: lease.permits,
      fence: lease.fence,
      ttlMs: lease.ttlMs,
      grantedAtMs: lease.grantedAtMs,
      deadlineMs: lease.deadlineMs,
      expiresInMs,
      leaseId: this.#request.leaseId,
      semaphore: this.#request.semaphore,
      waitedMs: Math.max(0, Math.floor(waitedMs)),
      limitMismatch: this.#limitMismatch,
    }
  }
}

function fullMs(lease: GrantedLease): number {
  return lease.deadlineMs - lease.grantedAtMs
}
