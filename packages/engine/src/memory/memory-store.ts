import type { EngineObserver } from '../engine.js'
import {
  defaultStoreSettings,
  type Notice,
  type PageOf,
  type SemaphoreState,
  type Store,
  type StoreSettings,
  StoreUnavailableError,
} from '../store.js'
import { acquire } from './acquire.js'
import { Catalogue } from './catalogue.js'
import { addPermits, configure, remove } from './configure.js'
import { end } from './end.js'
import { heartbeat, reap } from './heartbeat.js'
import { cursorNumbers, inspect, leases, waiters } from './listings.js'
import { release, revoke } from './release.js'
import { renew } from './renew.js'
import { settle } from './settle.js'
import { again, type Again, Transition } from './transition.js'

export interface MemoryStoreOptions {
  readonly settings?: Partial<StoreSettings>
  /** Whole µs. The default never steps, whatever happens to the machine's wall clock. */
  readonly clock?: () => number
  readonly observer?: Pick<EngineObserver, 'expired'>
}

export interface MemoryStore extends Store {
  /** Everything it remembers, of any kind: 0 when nothing is left. */
  readonly size: number
}

/**
 * The whole store in one process, gone at its exit. Command for command it does what the Lua scripts do, one transition at a
 * time, so it is also what they are tested against.
 */
export function createMemoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const settings = { ...defaultStoreSettings, ...options.settings }
  const clock = options.clock ?? (() => Math.floor((performance.timeOrigin + performance.now()) * 1000))
  const catalogue = new Catalogue(settings.idleMs)
  const listeners = new Map<string, (notice: Notice) => void>()
  let isClosed = false

  async function run<Call extends { semaphore: string }, Reply>(
    command: (transition: Transition, call: Call) => Reply | Again,
    call: Call,
  ): Promise<Reply> {
    for (;;) {
      if (isClosed) throw new StoreUnavailableError('the in-memory store is closed')
      forget()
      const transition = new Transition(catalogue, settings, clock())
      const reply = command(transition, call)
      conclude(transition, call.semaphore)
      if (reply !== again) return reply
      // Others get their turn between two batches, as they do between two scripts.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  function forget(): void {
    const nowUs = clock()
    catalogue.forget(nowUs, (semaphore) => {
      const transition = new Transition(catalogue, settings, nowUs)
      settle(transition, semaphore)
      conclude(transition, semaphore.name)
    })
  }

  function conclude(transition: Transition, name: string): void {
    const semaphore = catalogue.find(name)
    if (semaphore !== undefined) transition.conclude(semaphore)
    const leasesExpired = settings.batchMax - transition.expiriesLeft
    if (leasesExpired > 0) options.observer?.expired({ semaphore: name, leases: leasesExpired })
    for (const { replica, notice } of transition.told) {
      // Later, as a message is: no listener runs in the middle of the command that told it. Microtasks keep the order.
      queueMicrotask(() => listeners.get(replica)?.(notice))
    }
  }

  async function semaphores(call: { prefix: string; cursor: string | null; pageSize: number }) {
    const [afterNumber] = cursorNumbers(call.cursor, 1)
    const states: SemaphoreState[] = []
    const names = catalogue.after(afterNumber, call.prefix)
    const chosen: { readonly name: string; readonly number: number }[] = []
    for (const one of names) {
      if (chosen.length > call.pageSize) break
      chosen.push(one)
    }
    const shown = chosen.slice(0, call.pageSize)
    for (const { name } of shown) {
      const reply = await run(inspect, { semaphore: name })
      if (reply.kind === 'state') states.push(reply.state)
    }
    const nextCursor = chosen.length > shown.length ? String(shown.at(-1)?.number ?? afterNumber) : null
    return { items: states, nextCursor } satisfies PageOf<SemaphoreState>
  }

  return {
    acquire: (call) => run(acquire, call),
    release: (call) => run(release, call),
    renew: (call) => run(renew, call),
    end: (call) => run(end, call),
    reap: (call) => run(reap, call),
    heartbeat: (call) => run(heartbeat, call),
    configure: (call) => run(configure, call),
    addPermits: (call) => run(addPermits, call),
    remove: (call) => run(remove, call),
    inspect: (call) => run(inspect, call),
    leases: (call) => run(leases, call),
    waiters: (call) => run(waiters, call),
    revoke: (call) => run(revoke, call),
    semaphores,
    listen: async (replica, listener) => {
      listeners.set(replica, listener)
      return async () => {
        if (listeners.get(replica) === listener) listeners.delete(replica)
      }
    },
    ping: async () => {
      if (isClosed) throw new StoreUnavailableError('the in-memory store is closed')
      return 'memory'
    },
    close: async () => {
      isClosed = true
      listeners.clear()
    },
    get size() {
      forget()
      return catalogue.size
    },
  }
}
