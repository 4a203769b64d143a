import type { Store } from './store.js'

export interface CountedStore {
  readonly store: Store
  /** Calls that are not answered yet. */
  readonly underWay: number
}

/** The same store, and how much is asked of it just now: what grows first when it, or the way to it, is too slow for its callers. */
export function countedStore(store: Store): CountedStore {
  let underWay = 0
  const over = (): void => {
    underWay -= 1
  }
  function counted<Reply>(reply: Promise<Reply>): Promise<Reply> {
    underWay += 1
    reply.then(over, over)
    return reply
  }
  return {
    store: {
      acquire: (call) => counted(store.acquire(call)),
      release: (call) => counted(store.release(call)),
      renew: (call) => counted(store.renew(call)),
      end: (call) => counted(store.end(call)),
      reap: (call) => counted(store.reap(call)),
      heartbeat: (call) => counted(store.heartbeat(call)),
      configure: (call) => counted(store.configure(call)),
      addPermits: (call) => counted(store.addPermits(call)),
      remove: (call) => counted(store.remove(call)),
      inspect: (call) => counted(store.inspect(call)),
      leases: (call) => counted(store.leases(call)),
      waiters: (call) => counted(store.waiters(call)),
      revoke: (call) => counted(store.revoke(call)),
      semaphores: (call) => counted(store.semaphores(call)),
      listen: (replica, listener) => store.listen(replica, listener),
      ping: () => store.ping(),
      guardMs: () => store.guardMs(),
      close: () => store.close(),
    },
    get underWay() {
      return underWay
    },
  }
}
