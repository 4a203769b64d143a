/// <reference lib="esnext.disposable" preserve="true" />
// For projects whose own `lib` ends before it: the declarations made from this file name it.
/**
 * Permits held until released, or until the service has heard nothing for the lease's ttl. A lease renews itself at a third of its ttl, keeping
 * no process alive. All durations are ms.
 */
export interface Lease extends AsyncDisposable {
  /** A UUID. Whoever has it may renew and release the lease: hand it over, do not log it. */
  readonly id: string
  readonly semaphore: string
  readonly permits: number
  /**
   * Fencing token: grows with every grant of this semaphore. Send it along to whatever the permits protect, and refuse there
   * what is older than the newest seen: no lease can stop a holder that sleeps through its own deadline.
   */
  readonly fence: number
  /** Who holds, as people see it; undefined for an adopted lease. */
  readonly holder: string | undefined
  /**
   * Aborts when the lease is lost before its release, with a `LeaseLostError`: no later than the local deadline, or, when the event loop was
   * blocked, as soon as it runs again (or this property is read). Any number of listeners may hang on it.
   */
  readonly signal: AbortSignal
  /** What is certain to be left, unrenewed; 0 when the lease is over: lost, or from the call of `release` on. Counts down as you read it. */
  readonly expiresInMs: number

  /**
   * Renews now, and from now on with this ttl. Tried again up to the local deadline. Rejects with `LeaseLostError` when the
   * lease is gone, with `UnavailableError` when that could not be learned (the lease lives on to its deadline, and renews itself meanwhile), and with
   * `InvalidRequestError` for a ttl that the service does not allow. When `release` overtakes it, it resolves: nothing is left to renew.
   */
  renew(ttlMs?: number): Promise<void>

  /**
   * Gives the permits back; those who wait get them at once. Any number of calls are one release and return the same promise. Rejects with
   * `LeaseLostError` when the lease had been lost (nothing is credited), and with `UnavailableError` when the service could not be told: the ttl
   * gives the permits back then. Either way the lease is over for this program, and no longer renewed.
   */
  release(): Promise<void>

  /**
   * Stops renewing and forgets the lease without giving the permits back, so that another process can `adopt` its id. From here on the
   * signal does not abort, disposing does nothing, and `release()` without a lease does not find it. `renew` then renews once, and `release` still gives the permits back.
   */
  detach(): void

  /** Releases, unless detached. Never rejects: a release that fails is a `release-failed` event, and the ttl gives the permits back. */
  [Symbol.asyncDispose](): Promise<void>
}
