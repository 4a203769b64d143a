import type { Notice, Store } from '../store.js'
import type { Clock } from './clock.js'

export interface ListeningOptions {
  readonly store: Pick<Store, 'listen'>
  readonly clock: Clock
  readonly replica: string
  /** Must not throw. */
  readonly hear: (notice: Notice) => void
}

/** How long an acquire waits to be listened for. Without it a grant is heard of by the heartbeat, which is late but not never. */
const patienceMs = 1_000
/** Between two tries. */
const pauseMs = 1_000

type Phase =
  /** Not tried yet, or failed at `#failedAtMs`. */
  | 'off'
  | 'trying'
  /** Tried for longer than anybody waits for it. */
  | 'trying late'
  | 'on'
  | 'stopped'

/**
 * The one subscription of this replica, made before the first acquire that may queue is sent. Once it is on, the store keeps it on, and says `gap`
 * when it could not.
 */
export class Listening {
  readonly #options: ListeningOptions
  #phase: Phase = 'off'
  #failedAtMs = -Infinity
  #ready: Promise<void> | null = null
  #under: Promise<void> | null = null
  #unlisten: (() => Promise<void>) | null = null

  constructor(options: ListeningOptions) {
    this.#options = options
  }

  /** What to wait for before an acquire that may queue is sent; null: nothing. Never rejects. */
  ready(): Promise<void> | null {
    if (this.#phase === 'on') return null
    this.retry()
    return this.#phase === 'trying' ? this.#ready : null
  }

  /** Tries to listen, unless that is done, under way, or has just failed. */
  retry(): void {
    if (this.#phase !== 'off' || this.#options.clock.now() - this.#failedAtMs < pauseMs) return
    const isFirst = this.#failedAtMs === -Infinity
    this.#phase = 'trying'
    this.#ready = new Promise((resolve) => {
      const stopWaiting = this.#options.clock.setTimeout(() => {
        if (this.#phase === 'trying') this.#phase = 'trying late'
        resolve()
      }, patienceMs)
      this.#under = this.#listen(isFirst).finally(() => {
        stopWaiting()
        resolve()
      })
    })
  }

  async stop(): Promise<void> {
    this.#phase = 'stopped'
    await this.#under
    try {
      await this.#unlisten?.()
    } catch {
      // The store is away, and with it whoever would tell us anything.
    }
    this.#unlisten = null
  }

  async #listen(isFirst: boolean): Promise<void> {
    const { store, clock, replica, hear } = this.#options
    try {
      this.#unlisten = await store.listen(replica, hear)
    } catch {
      this.#failedAtMs = clock.now()
      if (this.#phase !== 'stopped') this.#phase = 'off'
      return
    }
    if (this.#phase === 'stopped') return
    const mayHaveMissed = !isFirst || this.#phase === 'trying late'
    this.#phase = 'on'
    if (mayHaveMissed) hear({ kind: 'gap' })
  }
}
