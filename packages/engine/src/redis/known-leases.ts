import type { GrantedLease } from '../store.js'

/**
 * What a replica remembers of all the leases that it told people of: two numbers. So a lease that was released long ago still counts until its
 * deadline; keeping each would cost memory without bound to make a rare pause shorter. They are not kept apart by the node that granted them:
 * slots of a cluster move, and leases move along.
 */
export class KnownLeases {
  #heldUntilMs = -Infinity
  #lastFence = 0

  note(lease: GrantedLease): void {
    // A duration, from now: a little too long is safe, and no clock but this one is asked.
    this.#heldUntilMs = Math.max(this.#heldUntilMs, performance.now() + lease.expiresInMs)
    this.#lastFence = Math.max(this.#lastFence, lease.fence)
  }

  /** Until when one of them may be held, on `performance.now`. */
  get heldUntilMs(): number {
    return this.#heldUntilMs
  }

  get lastFence(): number {
    return this.#lastFence
  }
}
