import { randomBytes } from 'node:crypto'
import { countedStore } from './counted-store.js'
import { defaultEngineSettings, type Engine, type EngineSettings } from './engine.js'
import type { ReleaseReply, Store } from './store.js'
import { type Clock, monotonicClock } from './waiting-room/clock.js'
import { quietObserver, type RoomObserver } from './waiting-room/room-observer.js'
import { WaitingRoom } from './waiting-room/waiting-room.js'

export interface EngineOptions {
  /** Stays its owner's: `close` stops listening, and leaves the store itself open. */
  readonly store: Store
  /** Names this process among all that share the store. A new one for each start: its attachments count from 1 again. */
  readonly replica?: string
  readonly settings?: Partial<EngineSettings>
  readonly observer?: RoomObserver
  readonly clock?: Clock
}

export function createEngine(options: EngineOptions): Engine {
  const { replica = newReplicaId(), clock = monotonicClock } = options
  const counted = countedStore(options.store)
  const { store } = counted
  const settings = { ...defaultEngineSettings, ...options.settings }
  const observer = quietObserver(options.observer)
  const room = new WaitingRoom({ id: replica, store, clock, settings, observer })

  function released(semaphore: string, reply: ReleaseReply): ReleaseReply {
    if (reply.kind === 'released') observer.released({ semaphore, permits: reply.permits, heldMs: reply.heldMs })
    return reply
  }

  return {
    replica,
    acquire: (request) => room.acquire(request),
    release: async (call) => released(call.semaphore, await store.release(call)),
    revoke: async (call) => released(call.semaphore, await store.revoke(call)),
    renew: (call) => store.renew(call),
    configure: (call) => store.configure(call),
    addPermits: (call) => store.addPermits(call),
    remove: (call) => store.remove(call),
    inspect: (call) => store.inspect(call),
    leases: (call) => store.leases(call),
    waiters: (call) => store.waiters(call),
    semaphores: (call) => store.semaphores(call),
    ping: () => store.ping(),
    guardMs: () => store.guardMs(),
    get waiting() {
      return room.waiting
    },
    get storeCalls() {
      return counted.underWay
    },
    stop: () => {
      room.stop()
    },
    close: () => room.close(),
  }
}

/** 72 random bits in 12 characters: every lease carries it. */
function newReplicaId(): string {
  return randomBytes(9).toString('base64url')
}
