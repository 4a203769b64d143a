import type { LiveSemaphore } from '@signalbox/protocol'
import type { Api, Refusal } from './api.js'
import { Changes } from './changes.js'
import { follow, type Connection } from './follow.js'
import type { Histories } from './history.js'
import { changesOf, snapshotOf } from './wire.js'

/** A semaphore and when this page was told of it, on `performance.now()`. */
export interface Seen {
  readonly semaphore: LiveSemaphore
  readonly atMs: number
}

/** Every semaphore that the key reaches, kept up to date by one stream. */
export class OverviewFeed extends Changes {
  readonly seen = new Map<string, Seen>()
  connection: Connection = { kind: 'connecting' }
  /** There are more than the service tells of. */
  truncated = false
  /** The beginning of the names that are asked for. */
  prefix = ''
  readonly #api: Api
  readonly #histories: Histories
  readonly #onRefused: (refusal: Refusal) => void
  #stop: () => void = () => undefined

  constructor(api: Api, histories: Histories, onRefused: (refusal: Refusal) => void) {
    super()
    this.#api = api
    this.#histories = histories
    this.#onRefused = onRefused
  }

  start(prefix = ''): void {
    this.#stop()
    this.prefix = prefix
    this.#stop = follow(this.#api, `/v1/events?prefix=${encodeURIComponent(prefix)}`, {
      onEvent: (name, data) => {
        this.#apply(name, data, performance.now())
        this.announce()
      },
      onConnection: (connection) => {
        if (connection.kind === 'lost') this.#histories.breakAll(performance.now())
        this.connection = connection
        this.announce()
      },
      onRefused: this.#onRefused,
    })
  }

  stop(): void {
    this.#stop()
  }

  #apply(name: string, data: unknown, atMs: number): void {
    if (name === 'snapshot') {
      const { semaphores, truncated } = snapshotOf(data)
      this.truncated = truncated
      const before = [...this.seen.keys()]
      this.seen.clear()
      for (const semaphore of semaphores) this.#see(semaphore, atMs)
      for (const name of before) if (!this.seen.has(name)) this.#histories.forget(name)
    } else if (name === 'changes') {
      const { changed, removed } = changesOf(data)
      for (const semaphore of changed) this.#see(semaphore, atMs)
      for (const gone of removed) {
        this.seen.delete(gone)
        this.#histories.forget(gone)
      }
    }
  }

  #see(semaphore: LiveSemaphore, atMs: number): void {
    this.seen.set(semaphore.name, { semaphore, atMs })
    this.#histories.of(semaphore.name).add(semaphore, atMs)
  }
}
