import { randomUUID } from 'node:crypto'
import { createMemoryStore, type MemoryStore } from '../src/memory/memory-store.js'
import type { AcquireCall, Notice, StoreSettings } from '../src/store.js'

export const startUs = 1_700_000_000_000_000

/** A store on a clock that only the test moves, and words for what is asked of it all the time. */
export class Desk {
  nowUs = startUs
  readonly store: MemoryStore
  readonly told: Notice[] = []
  expired = 0
  #number = 0

  constructor(settings: Partial<StoreSettings> = {}) {
    this.store = createMemoryStore({
      settings,
      clock: () => this.nowUs,
      observer: { called: () => undefined, expired: ({ leases }) => (this.expired += leases) },
    })
  }

  pass(ms: number): void {
    this.nowUs += ms * 1_000
  }

  async listen(): Promise<void> {
    await this.store.listen('r', (notice) => this.told.push(notice))
  }

  acquire(call: Partial<AcquireCall> = {}) {
    this.#number += 1
    return this.store.acquire({
      semaphore: 's',
      leaseId: randomUUID(),
      permits: 1,
      ttlMs: 1_000,
      enqueue: false,
      attachment: { replica: 'r', number: this.#number },
      holder: '',
      create: { limit: 1, bounded: true, onConflict: 'keep' },
      ...call,
    })
  }

  async held(call: Partial<AcquireCall> = {}) {
    const reply = await this.acquire(call)
    if (reply.kind !== 'granted') throw new Error(reply.kind)
    return reply.lease
  }

  release(leaseId: string, retire = false) {
    return this.store.release({ semaphore: 's', leaseId, retire })
  }

  async exists(semaphore = 's'): Promise<boolean> {
    return (await this.store.inspect({ semaphore })).kind === 'state'
  }
}
