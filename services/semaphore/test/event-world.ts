import { randomUUID } from 'node:crypto'
import { createMemoryStore, createRedisStore, type Store } from '@signalbox/engine'
import { defaultAppSettings } from '@signalbox/semaphore-service'
import { expect, inject, vi } from 'vitest'
import { patience, readEvents } from './event-reader.js'
import { openService, type OpenOptions } from './open-service.js'

/** Looks a hundred times a second. */
const quick = { ...defaultAppSettings.events, intervalMs: 10 }
export const events = (settings: Partial<typeof quick> = {}) => ({ events: { ...quick, ...settings } })

export async function serve(options: OpenOptions = {}) {
  const service = openService({ ...options, settings: { ...events(), ...options.settings } })
  // A stream of a store that is not reached yet begins by saying so.
  await vi.waitFor(() => service.store.ping(), patience)
  return { ...service, port: await service.listen() }
}

export function redisStore(keyPrefix = `events-${randomUUID()}:`): Store {
  return createRedisStore({ url: inject('redisUrl'), keyPrefix, settings: { idleMs: 60_000 } })
}

/** The same store, and how often it was asked for anything. */
export function counted(store: Store) {
  let calls = 0
  let listings = 0
  const count =
    <Call, Reply>(ask: (call: Call) => Promise<Reply>) =>
    (call: Call) => {
      calls += 1
      return ask(call)
    }
  const { semaphores, inspect, leases, waiters } = store
  const asked: Store = {
    ...store,
    semaphores: count((call) => {
      listings += 1
      return semaphores(call)
    }),
    inspect: count((call) => inspect(call)),
    leases: count((call) => leases(call)),
    waiters: count((call) => waiters(call)),
  }
  return { store: asked, calls: () => calls, listings: () => listings }
}

/** Somewhere else so many looks are taken meanwhile: time enough for this service to have looked too. */
export async function pass(looks: number): Promise<void> {
  const { store, calls } = counted(createMemoryStore())
  const { port } = await serve({ store })
  const reader = await readEvents(port)
  await vi.waitFor(() => expect(calls()).toBeGreaterThan(looks), patience)
  reader.leave()
}
