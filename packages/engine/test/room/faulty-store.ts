import { type Notice, type Store, StoreUnavailableError } from '../../src/store.js'
import type { ReplicaClock, VirtualClock } from './virtual-clock.js'

export type Operation =
  'acquire' | 'release' | 'renew' | 'end' | 'reap' | 'heartbeat' | 'listen' | 'remove' | 'configure'

/** What becomes of one call on its way to the store and back. */
export interface Fate {
  /** On its way there; and back. */
  readonly thereMs?: number
  readonly backMs?: number
  /**
   * `never sent`: rejects, and nothing happened. `reply lost`: it happened, and then rejects. `too late`: rejects, and then it
   * happens after all.
   */
  readonly fault?: 'never sent' | 'reply lost' | 'too late'
  /** Before anything else. */
  readonly until?: Promise<void>
  /** Before the reply arrives. */
  readonly backUntil?: Promise<void>
}

export interface SentCall {
  readonly operation: Operation
  readonly atMs: number
  readonly call: unknown
}

/**
 * A real store, seen through a bad network, by one replica. `fateOf` decides what becomes of each call; `waysOf` how late each notice comes, one
 * number for each time it does: none for a lost one.
 */
export class FaultyStore {
  readonly sent: SentCall[] = []
  fateOf: (operation: Operation, call: unknown) => Fate = () => ({})
  waysOf: (notice: Notice) => readonly number[] = () => [0]
  readonly store: Store
  readonly #clock: VirtualClock
  readonly #replicaClock: ReplicaClock
  #tell: ((notice: Notice) => void) | null = null

  constructor(inner: Store, clock: VirtualClock, replicaClock: ReplicaClock) {
    this.#clock = clock
    this.#replicaClock = replicaClock
    const pass =
      <Call, Reply>(operation: Operation, run: (call: Call) => Promise<Reply>) =>
      (call: Call) =>
        this.#pass(operation, call, run)
    this.store = {
      ...inner,
      acquire: pass('acquire', inner.acquire),
      release: pass('release', inner.release),
      renew: pass('renew', inner.renew),
      end: pass('end', inner.end),
      reap: pass('reap', inner.reap),
      heartbeat: pass('heartbeat', inner.heartbeat),
      configure: pass('configure', inner.configure),
      remove: pass('remove', inner.remove),
      listen: (replica, listener) => this.#listen(inner, replica, listener),
    }
  }

  /** How often each operation was called. */
  get counts(): Partial<Record<Operation, number>> {
    const counts: Partial<Record<Operation, number>> = {}
    for (const { operation } of this.sent) counts[operation] = (counts[operation] ?? 0) + 1
    return counts
  }

  /** Tells the replica something, whether or not the store would. */
  tell(notice: Notice): void {
    this.#tell?.(notice)
  }

  async #listen(inner: Store, replica: string, listener: (notice: Notice) => void): Promise<() => Promise<void>> {
    const hear = (notice: Notice): void => {
      for (const lateMs of this.waysOf(notice)) {
        if (lateMs === 0) this.#replicaClock.whenRunning(() => listener(notice))
        else this.#clock.setTimeout(() => this.#replicaClock.whenRunning(() => listener(notice)), lateMs)
      }
    }
    return this.#pass('listen', replica, async () => {
      this.#tell = hear
      return inner.listen(replica, hear)
    })
  }

  async #pass<Call, Reply>(operation: Operation, call: Call, run: (call: Call) => Promise<Reply>): Promise<Reply> {
    this.sent.push({ operation, call, atMs: this.#clock.now() })
    const { thereMs = 0, backMs = 0, fault, until, backUntil } = this.fateOf(operation, call)
    await until
    if (fault === 'too late') {
      void this.#clock.after(thereMs).then(() => run(call).catch(() => undefined))
      throw await this.#unavailable()
    }
    if (thereMs > 0) await this.#clock.after(thereMs)
    if (fault === 'never sent') throw await this.#unavailable()
    const reply = await run(call)
    if (backMs > 0) await this.#clock.after(backMs)
    if (fault === 'reply lost') throw await this.#unavailable()
    await backUntil
    await this.#untilRunning()
    return reply
  }

  async #unavailable(): Promise<StoreUnavailableError> {
    await this.#untilRunning()
    return new StoreUnavailableError('the network of this test')
  }

  #untilRunning(): Promise<void> {
    return new Promise((resolve) => {
      this.#replicaClock.whenRunning(resolve)
    })
  }
}
