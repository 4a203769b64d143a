import type { Lease } from './lease.js'

/**
 * The leases that `acquire` and `tryAcquire` gave out and nobody has released, by name, oldest first: what `release()` without a lease
 * gives back. Objects of one name and client share it. A lease that was lost stays until a release takes it: that release belongs to it, and
 * must not give back a younger lease, or let the limit grow (each lost lease would add a permit for good).
 */
export class Account {
  readonly #leases = new Map<string, Set<Lease>>()

  add(lease: Lease): void {
    const leases = this.#leases.get(lease.semaphore)
    if (leases === undefined) this.#leases.set(lease.semaphore, new Set([lease]))
    else leases.add(lease)
  }

  oldest(semaphore: string): Lease | undefined {
    const [lease] = this.#leases.get(semaphore) ?? []
    return lease
  }

  /** Does nothing with a lease that is not in it. */
  remove(lease: Lease): void {
    const leases = this.#leases.get(lease.semaphore)
    if (leases?.delete(lease) === true && leases.size === 0) this.#leases.delete(lease.semaphore)
  }
}
