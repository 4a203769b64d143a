import type { GrantedLease, Notice, Store } from '../store.js'

/** A lease as somebody is about to be told of it. */
export interface ToldLease {
  readonly leaseId: string
  readonly lease: GrantedLease
}

/** What stands between the store and those who are told that they hold. Each returns null where there is nothing to wait for. */
export interface Voucher {
  /** Before a command is sent that may find or make a lease. Rejects when no lease may be told of. */
  readonly before: (semaphore: string) => Promise<void> | null
  /** Before these are told of. Throws or rejects when they must not be. */
  readonly vouch: (semaphore: string, told: readonly ToldLease[]) => Promise<void> | null
  /** Before a caller is told that there is no such semaphore. Rejects when it may have been lost. */
  readonly vouchAbsent: (semaphore: string) => Promise<void>
}

/**
 * The store, with a voucher for every lease that it tells of: each reply and notice that says "held" passes here, and nothing else does. A reply that is
 * not vouched for rejects, so that its request's attachment is ended; a notice is dropped like one that was lost, and the heartbeat
 * asks again. What only gives back (release, the end of an attachment, a revocation) passes always.
 *
 * `hearing` is kept to be those who listen, for what no store tells them.
 */
export function vouchedStore(store: Store, voucher: Voucher, hearing: Set<(notice: Notice) => void>): Store {
  const { before, vouch, vouchAbsent } = voucher
  return {
    ...store,
    async acquire(call) {
      const opening = before(call.semaphore)
      if (opening !== null) await opening
      const reply = await store.acquire(call)
      if (reply.kind === 'granted') {
        const vouching = vouch(call.semaphore, [{ leaseId: call.leaseId, lease: reply.lease }])
        if (vouching !== null) await vouching
      } else if (reply.kind === 'semaphore_not_found') await vouchAbsent(call.semaphore)
      return reply
    },
    async renew(call) {
      const opening = before(call.semaphore)
      if (opening !== null) await opening
      const reply = await store.renew(call)
      if (reply.kind === 'renewed') await vouch(call.semaphore, [{ leaseId: call.leaseId, lease: reply.lease }])
      return reply
    },
    async end(call) {
      if (!call.unlessHeld) return store.end(call)
      await before(call.semaphore)
      const reply = await store.end(call)
      if (reply.kind === 'held') await vouch(call.semaphore, [{ leaseId: call.leaseId, lease: reply.lease }])
      return reply
    },
    async reap(call) {
      await before(call.semaphore)
      return store.reap(call)
    },
    async heartbeat(call) {
      await before(call.semaphore)
      const reply = await store.heartbeat(call)
      const told = reply.states.flatMap((state, index): ToldLease[] => {
        const leaseId = call.open[index]?.leaseId
        return state.kind === 'granted' && leaseId !== undefined ? [{ leaseId, lease: state.lease }] : []
      })
      if (told.length > 0) await vouch(call.semaphore, told)
      return reply
    },
    async listen(replica, listener) {
      const hear = (notice: Notice): void => {
        if (hearing.has(hear)) listener(notice)
      }
      hearing.add(hear)
      try {
        const unlisten = await store.listen(replica, (notice) => {
          if (notice.kind === 'granted') void hearVouched(notice, vouch, hear)
          else hear(notice)
        })
        return () => {
          hearing.delete(hear)
          return unlisten()
        }
      } catch (error) {
        hearing.delete(hear)
        throw error
      }
    },
  }
}

async function hearVouched(
  notice: Notice & { kind: 'granted' },
  vouch: Voucher['vouch'],
  hear: (notice: Notice) => void,
): Promise<void> {
  try {
    const vouching = vouch(notice.semaphore, [notice])
    // Without a wait, or notices would overtake each other for nothing.
    if (vouching !== null) await vouching
  } catch {
    return
  }
  hear(notice)
}
