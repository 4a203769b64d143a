import type { Cluster, Redis } from 'ioredis'
import type { GrantedLease } from '../store.js'
import { slotOf, tagOf } from './key-slot.js'
import type { MarkerWatch } from './marker-watch.js'
import type { ToldLease, WatchedNodes } from './vouched-store.js'

interface Watch {
  readonly marker: MarkerWatch
  /** Where the marker was when last needed. */
  address: string
}

/**
 * A marker on each primary of a cluster, in the lowest slot that it keeps. So the one that takes a primary's place is asked for the same
 * marker; and where slots move, the leases move along, and a marker that is not there yet is put as at a first start. What is known of
 * leases is known to every watch, for they move.
 */
export class WatchedCluster implements WatchedNodes {
  readonly #cluster: Cluster
  readonly #watchMarker: (tag: string) => MarkerWatch
  /** By the slot of the marker. */
  readonly #watches = new Map<number, Watch>()
  #lowestSlots = new Map<string, number>()
  #heldUntilMs = -Infinity
  #lastFence = 0

  constructor(cluster: Cluster, watchMarker: (tag: string) => MarkerWatch) {
    this.#cluster = cluster
    this.#watchMarker = watchMarker
    cluster.on('refresh', () => this.#refresh())
    cluster.on('+node', (node: Redis) => this.#watchConnection(node))
  }

  readonly before = (semaphore: string): Promise<void> | null => {
    const marker = this.#markerOf(semaphore)
    const opening = marker.opened()
    if (opening === null) return null
    return opening.catch((error: unknown) => {
      const now = this.#markerOf(semaphore)
      // Where slots have moved meanwhile, it is the node that has them now which counts.
      if (now === marker) throw error
      return now.opened() ?? undefined
    })
  }

  readonly vouch = (semaphore: string, told: readonly ToldLease[]): Promise<void> | null => {
    for (const { lease } of told) this.#note(lease)
    // Null but where a slot has moved since, to a node that was not looked at yet.
    return this.before(semaphore)
  }

  readonly guardMs = (): number => Math.max(0, ...[...this.#watches.values()].map(({ marker }) => marker.guardMs))

  readonly close = (): void => {
    for (const { marker } of this.#watches.values()) marker.close()
  }

  #note(lease: GrantedLease): void {
    this.#heldUntilMs = Math.max(this.#heldUntilMs, performance.now() + lease.expiresInMs)
    this.#lastFence = Math.max(this.#lastFence, lease.fence)
    for (const { marker } of this.#watches.values()) marker.note(lease)
  }

  /** Of the node that serves a semaphore now. */
  #markerOf(semaphore: string): MarkerWatch {
    const address = this.#cluster.slots[slotOf(semaphore)]?.[0] ?? ''
    if (!this.#lowestSlots.has(address)) this.#lowestSlots = lowestSlotsOf(this.#cluster)
    const slot = this.#lowestSlots.get(address) ?? 0
    const watch = this.#watches.get(slot) ?? this.#watch(slot, address)
    if (watch.address !== address) {
      watch.address = address
      lookAnew(watch)
    }
    return watch.marker
  }

  #watch(slot: number, address: string): Watch {
    const watch = { marker: this.#watchMarker(tagOf(slot)), address }
    watch.marker.note({ expiresInMs: this.#heldUntilMs - performance.now(), fence: this.#lastFence })
    watch.marker.connected()
    this.#watches.set(slot, watch)
    return watch
  }

  #refresh(): void {
    this.#lowestSlots = lowestSlotsOf(this.#cluster)
    const inUse = new Set(this.#lowestSlots.values())
    for (const [slot, { marker }] of this.#watches) {
      if (inUse.has(slot)) continue
      marker.close()
      this.#watches.delete(slot)
    }
  }

  #watchConnection(node: Redis): void {
    let wasReady = false
    node.on('ready', () => {
      wasReady = true
    })
    node.on('close', () => {
      // One that could not be connected to has lost nothing; and looking at it would be the next attempt, at once.
      if (!wasReady) return
      wasReady = false
      const { host = '', port = 0 } = node.options
      for (const watch of this.#watches.values()) if (watch.address === `${host}:${port}`) lookAnew(watch)
    })
  }
}

function lookAnew({ marker }: Watch): void {
  marker.disconnected()
  marker.connected()
}

function lowestSlotsOf({ slots }: Cluster): Map<string, number> {
  const lowest = new Map<string, number>()
  slots.forEach(([address], slot) => {
    if (address !== undefined && !lowest.has(address)) lowest.set(address, slot)
  })
  return lowest
}
