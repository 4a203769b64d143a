import type { Keeper } from './connection.js'
import { KnownLeases } from './known-leases.js'
import type { ToldLease, Voucher } from './vouched-store.js'
import { WatchedNode, type WatchedNodeOptions } from './watched-node.js'

/** All nodes that keep semaphores: one, or the primaries of a cluster. */
export class WatchedNodes implements Voucher {
  readonly #options: WatchedNodeOptions
  readonly #nodes = new Map<string, WatchedNode>()

  constructor(options: Omit<WatchedNodeOptions, 'known'>) {
    this.#options = { ...options, known: new KnownLeases() }
    // Not only when a call comes: a loss that nobody looked for is found by nobody.
    const { client } = options.connection
    for (const event of ['ready', 'refresh', '+node']) client.on(event, () => this.#followAll())
  }

  readonly before: Voucher['before'] = (semaphore) => {
    const node = this.#of(semaphore)
    const opening = node.marker.opened()
    return opening === null ? null : this.#opened(semaphore, node, opening)
  }

  readonly vouch: Voucher['vouch'] = (semaphore, told) => {
    // Null but where a guard came since, or a redirection led the script to a server that was not looked at yet.
    const opening = this.before(semaphore)
    if (opening !== null || this.#options.waitReplicas > 0) return this.#vouchLater(opening, semaphore, told)
    this.#note(told)
    return null
  }

  readonly vouchAbsent: Voucher['vouchAbsent'] = (semaphore) => this.#of(semaphore).marker.lookAgain()

  /** Of the node whose guard lasts longest. */
  get guardMs(): number {
    return Math.max(0, ...[...this.#nodes.values()].map(({ marker }) => marker.guardMs))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.close()))
  }

  async #opened(semaphore: string, node: WatchedNode, opening: Promise<void>): Promise<void> {
    try {
      await opening
    } catch (error) {
      const now = this.#of(semaphore)
      // Where slots have moved meanwhile, it is the node that has them now which counts.
      if (now === node) throw error
      await now.marker.opened()
    }
  }

  async #vouchLater(opening: Promise<void> | null, semaphore: string, told: readonly ToldLease[]): Promise<void> {
    await opening
    const node = this.#of(semaphore)
    await node.confirm(semaphore, told)
    node.marker.refuseIfGuarded()
    this.#note(told)
  }

  #note(told: readonly ToldLease[]): void {
    for (const { lease } of told) this.#options.known.note(lease)
  }

  #of(semaphore: string): WatchedNode {
    const { connection } = this.#options
    const keeper = connection.keeperOf(semaphore)
    if (keeper === null) throw connection.errorOf(new Error('nobody is known who keeps it'), `for ${semaphore}`)
    return this.#at(keeper)
  }

  #at({ tag, client }: Keeper): WatchedNode {
    let node = this.#nodes.get(tag)
    if (node === undefined) {
      node = new WatchedNode(tag, this.#options)
      this.#nodes.set(tag, node)
    }
    node.follow(client)
    return node
  }

  #followAll(): void {
    const keepers = this.#options.connection.keepers()
    for (const keeper of keepers) this.#at(keeper)
    for (const [tag, node] of this.#nodes) {
      if (keepers.some((keeper) => keeper.tag === tag)) continue
      // Its lowest slot has moved away: whoever keeps that now is watched by another marker.
      this.#nodes.delete(tag)
      void node.close()
    }
  }
}
