import type { SemaphoreSnapshot } from '@signalbox/protocol'
import type { Api, Refusal } from './api.js'
import { Changes } from './changes.js'
import { follow, type Connection } from './follow.js'
import type { Histories } from './history.js'
import { detailOf } from './wire.js'

/** One semaphore with its holders and its queue, kept up to date by a stream of its own. */
export class SemaphoreFeed extends Changes {
  readonly name: string
  connection: Connection = { kind: 'connecting' }
  /** Null: not known yet, or gone. */
  detail: SemaphoreSnapshot | null = null
  /** When this page was told of `detail`, on `performance.now()`. */
  atMs = 0
  isGone = false
  /** Why this key may not see it; null: it may. */
  refusal: string | null = null
  readonly #api: Api
  readonly #histories: Histories
  readonly #onRefused: (refusal: Refusal) => void

  constructor(name: string, api: Api, histories: Histories, onRefused: (refusal: Refusal) => void) {
    super()
    this.name = name
    this.#api = api
    this.#histories = histories
    this.#onRefused = onRefused
  }

  /** @returns how to stop it */
  start(): () => void {
    return follow(this.#api, `/v1/events?semaphore=${encodeURIComponent(this.name)}`, {
      onEvent: (name, data) => {
        if (name === 'snapshot') this.#see(detailOf(data))
        else if (name === 'removed') this.#forget()
        this.announce()
      },
      onConnection: (connection) => {
        this.connection = connection
        this.announce()
      },
      onRefused: (refusal) => {
        // A key with a prefix that followed a link to another name is still a good key.
        if (refusal.status === 401) {
          this.#onRefused(refusal)
          return
        }
        this.refusal = refusal.detail
        this.announce()
      },
    })
  }

  #see(detail: SemaphoreSnapshot): void {
    this.atMs = performance.now()
    this.detail = detail
    this.isGone = false
    this.#histories.of(this.name).add(detail.semaphore, this.atMs)
  }

  #forget(): void {
    this.detail = null
    this.isGone = true
    this.#histories.of(this.name).break(performance.now())
  }
}
