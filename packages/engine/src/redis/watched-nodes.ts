import type { Keeper } from './connection.js'
import type { Voucher } from './vouched-store.js'
import { WatchedNode, type WatchedNodeOptions } from './watched-node.js'

/** All nodes that keep semaphores: one, or the primaries of a cluster. */
export class WatchedNodes implements Voucher {
  readonly #options: WatchedNodeOptions
  readonly #nodes = new Map<string, WatchedNode>()

  constructor(options: WatchedNodeOptions) {
    this.#options = options
    // Not only when a call comes: a loss that nobody looked for is found by nobody.
    const { client } = options.connection
    for (const event of ['ready', 'refresh', '+node']) client.on(event, () => this.#followAll())
  }

  readonly before: Voucher['before'] = (semaphore) => this.#of(semaphore).marker.opened()
  readonly vouch: Voucher['vouch'] = (semaphore, told) => this.#of(semaphore).vouch(semaphore, told)

  /** Of the node whose guard lasts longest. */
  get guardMs(): number {
    return Math.max(0, ...[...this.#nodes.values()].map(({ marker }) => marker.guardMs))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.close()))
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
    for (const keeper of this.#options.connection.keepers()) this.#at(keeper)
  }
}
