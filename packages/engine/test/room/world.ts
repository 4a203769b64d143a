import type { AcquireOutcome, AcquireRequest, Attempt, Engine, EngineSettings } from '../../src/engine.js'
import { createEngine } from '../../src/create-engine.js'
import { createMemoryStore, type MemoryStore } from '../../src/memory/memory-store.js'
import type { SemaphoreState } from '../../src/store.js'
import type { RoomObserver } from '../../src/waiting-room/room-observer.js'
import { FaultyStore } from './faulty-store.js'
import { ReplicaClock, VirtualClock } from './virtual-clock.js'

/** An engine with its own way to the store, and its own event loop to block. */
export interface TestReplica {
  readonly engine: Engine
  readonly network: FaultyStore
  readonly clock: ReplicaClock
}

export interface World {
  readonly clock: VirtualClock
  readonly store: MemoryStore
  replica(options?: { settings?: Partial<EngineSettings>; observer?: RoomObserver; id?: string }): TestReplica
  inspect(semaphore?: string): Promise<SemaphoreState>
  /** Takes a permit past all replicas and their networks, as a caller of some other replica. */
  hold(leaseId: string, ttlMs?: number, limit?: number): Promise<void>
  release(leaseId: string, retire?: boolean): Promise<void>
  readonly storeNowMs: number
  /** Sets the store's clock, and no other, ahead. */
  stepStoreClock(ms: number): void
  close(): Promise<void>
}

const epochMs = 1_800_000_000_000

/** Any number of replicas on one store, all on one virtual clock. Starts with the semaphore `s`, limit 1. */
export function createWorld(): World {
  const clock = new VirtualClock()
  let steppedMs = 0
  const storeNowMs = (): number => epochMs + clock.now() + steppedMs
  const store = createMemoryStore({ clock: () => Math.floor(storeNowMs() * 1000) })
  const engines: Engine[] = []
  return {
    clock,
    store,
    replica: ({ settings, observer, id = `r${engines.length + 1}` } = {}) => {
      const replicaClock = new ReplicaClock(clock)
      const network = new FaultyStore(store, clock, replicaClock)
      const engine = createEngine({
        store: network.store,
        replica: id,
        clock: replicaClock,
        settings: settings ?? {},
        ...(observer === undefined ? {} : { observer }),
      })
      engines.push(engine)
      return { engine, network, clock: replicaClock }
    },
    inspect: async (semaphore = 's') => {
      const reply = await store.inspect({ semaphore })
      if (reply.kind !== 'state') throw new Error(`there is no semaphore ${semaphore}`)
      return reply.state
    },
    hold: async (leaseId, ttlMs = 3_600_000, limit = 1) => {
      const attachment = { replica: 'elsewhere', number: 1 }
      const reply = await store.acquire({ ...request(leaseId, { ttlMs, limit }), enqueue: false, attachment })
      if (reply.kind !== 'granted') throw new Error(`${leaseId} is not granted: ${reply.kind}`)
    },
    release: async (leaseId, retire = false) => {
      await store.release({ semaphore: 's', leaseId, retire })
    },
    get storeNowMs() {
      return Math.floor(storeNowMs())
    },
    stepStoreClock: (ms) => {
      steppedMs += ms
    },
    close: async () => {
      const closing = Promise.all(engines.map((engine) => engine.close()))
      await clock.advance(60_000)
      await closing
      await store.close()
    },
  }
}

export function request(
  leaseId: string,
  asked: { waitMs?: number; ttlMs?: number; limit?: number; permits?: number; semaphore?: string } = {},
): AcquireRequest {
  const { waitMs = 0, ttlMs = 3_600_000, limit = 1, permits = 1, semaphore = 's' } = asked
  const create = { limit, bounded: true, onConflict: 'keep' } as const
  return { semaphore, leaseId, permits, ttlMs, waitMs, holder: '', create }
}

/** What an attempt has come to, without waiting for it: its outcome, or its error's name as the kind, or undefined. */
export interface Watched {
  readonly kind: string | undefined
  readonly outcome: AcquireOutcome | undefined
}

export function watch(attempt: Attempt): Watched {
  const seen: { kind: string | undefined; outcome: AcquireOutcome | undefined } = {
    kind: undefined,
    outcome: undefined,
  }
  attempt.outcome.then(
    (outcome) => {
      seen.kind = outcome.kind
      seen.outcome = outcome
    },
    (error: unknown) => {
      seen.kind = error instanceof Error ? error.name : 'no error'
    },
  )
  return seen
}

/** Something to wait for until the test opens it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}
