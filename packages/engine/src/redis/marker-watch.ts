import { randomUUID } from 'node:crypto'
import type { GuardEvent } from '../guard-event.js'
import { StoreRecoveringError, StoreUnavailableError } from '../store.js'
import type { KnownLeases } from './known-leases.js'
import { errorOfItsOwn } from './store-error.js'

/** What the marker script answers. */
export interface Marked {
  readonly id: string
  /** What is left of the guard; 0: there is none. */
  readonly guardMs: number
  /** It was not what this replica had seen. */
  readonly lost: boolean
}

export interface MarkCall {
  readonly seenId: string
  readonly newId: string
  readonly heldForMs: number
  readonly lastFence: number
  readonly guardMsMin: number
}

export interface MarkerWatchOptions {
  /** The marker's id, and until when there is a guard; null: not there. One plain command. */
  readonly look: () => Promise<{ readonly id: string | null; readonly guardedUntil: string | null }>
  /** Runs the marker script. */
  readonly mark: (call: MarkCall) => Promise<Marked>
  readonly known: KnownLeases
  readonly tell: (event: GuardEvent) => void
}

/** Between two looks. */
const lookEveryMs = 1_000
/** A look that is older says nothing: this process slept, or Redis does not answer. */
const staleAfterMs = 2 * lookEveryMs
/** Long enough that every replica has looked, and has made the guard as long as the leases that it knows of. */
const guardMsMin = 2 * lookEveryMs

/**
 * Whether one Redis node still has the data that it had. A marker lies there, with an id that nobody else would choose; it is looked at on every new
 * connection before anything is granted over it, and every second. Gone or changed, it takes the leases with it that this replica told people of,
 * so a guard is written: nothing is granted, by any replica, until the last of them has run out.
 */
export class MarkerWatch {
  readonly #options: MarkerWatchOptions
  #seenId = ''
  #lookedAtMs = -Infinity
  #guardedUntilMs = -Infinity
  /** Counts connections: a look over one says nothing about the next. */
  #connection = 0
  #looking: Promise<void> | null = null
  #timer: NodeJS.Timeout | undefined

  constructor(options: MarkerWatchOptions) {
    this.#options = options
  }

  /** What is left of the guard; 0: there is none. */
  get guardMs(): number {
    return this.#guardedUntilMs === -Infinity ? 0 : Math.max(1, Math.ceil(this.#guardedUntilMs - performance.now()))
  }

  connected(): void {
    void this.#goOnLooking()
  }

  disconnected(): void {
    this.#connection += 1
    this.#lookedAtMs = -Infinity
    clearTimeout(this.#timer)
  }

  /**
   * What to wait for before a grant is asked for; null: nothing.
   * Rejects with `StoreRecoveringError` under a guard, and with `StoreUnavailableError` where the marker cannot be looked at.
   */
  opened(): Promise<void> | null {
    return this.#isOpen ? null : this.#untilOpened()
  }

  /** Looks once more, whatever was seen last. Rejects as `opened` does. */
  async lookAgain(): Promise<void> {
    // One under way may have looked before the caller's reason to.
    await this.#looking?.catch(() => undefined)
    await this.#look()
    this.refuseIfGuarded()
  }

  /** @throws StoreRecoveringError under a guard. */
  refuseIfGuarded(): void {
    const { guardMs } = this
    if (guardMs > 0) throw new StoreRecoveringError(guardMs)
  }

  get #isOpen(): boolean {
    return this.#guardedUntilMs === -Infinity && performance.now() - this.#lookedAtMs < staleAfterMs
  }

  async #untilOpened(): Promise<void> {
    // A second time where another server came to lead meanwhile (a slot moved): the look at the first says nothing of it.
    for (let look = 0; look < 2 && !this.#isOpen; look += 1) {
      // The end of a guard as this clock sees it is not the end: another replica may have made it longer.
      if (this.#guardedUntilMs <= performance.now()) await this.#lookForOne()
      this.refuseIfGuarded()
    }
    if (!this.#isOpen)
      throw new StoreUnavailableError('The connection to Redis was lost while its marker was looked at.')
  }

  async #goOnLooking(): Promise<void> {
    const connection = this.#connection
    await this.#look().catch(() => undefined)
    if (connection !== this.#connection) return
    clearTimeout(this.#timer)
    const { guardMs } = this
    const inMs = guardMs === 0 ? lookEveryMs : Math.min(guardMs, lookEveryMs)
    this.#timer = setTimeout(() => void this.#goOnLooking(), inMs)
    this.#timer.unref()
  }

  async #lookForOne(): Promise<void> {
    try {
      await this.#look()
    } catch (error) {
      throw errorOfItsOwn(error)
    }
  }

  /** One at a time: whoever needs one meanwhile shares it. */
  #look(): Promise<void> {
    this.#looking ??= this.#ask().finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  async #ask(): Promise<void> {
    const connection = this.#connection
    const askedAtMs = performance.now()
    const { id, guardedUntil } = await this.#options.look()
    // The script is not run for nothing: it is the exception that a replica has to do more than look.
    const isAsSeen = id !== null && id === this.#seenId && guardedUntil === null
    this.#hear(id, isAsSeen ? { id, guardMs: 0, lost: false } : await this.#mark())
    // Of when it was sent: the reply may have been long on its way, or in a buffer of a process that slept.
    if (connection === this.#connection) this.#lookedAtMs = askedAtMs
  }

  #mark(): Promise<Marked> {
    const { known, mark } = this.#options
    // A guard that this replica has heard of stands for leases that others knew of, should it be lost too.
    const heldForMs = Math.max(known.heldUntilMs, this.#guardedUntilMs) - performance.now()
    return mark({
      seenId: this.#seenId,
      newId: randomUUID(),
      heldForMs: Math.max(0, Math.ceil(heldForMs)),
      lastFence: known.lastFence,
      guardMsMin,
    })
  }

  #hear(found: string | null, { id, guardMs, lost }: Marked): void {
    const wasGuarded = this.#guardedUntilMs !== -Infinity
    this.#seenId = id
    this.#guardedUntilMs = guardMs > 0 ? performance.now() + guardMs : -Infinity
    if (lost) this.#options.tell({ kind: 'lost', guardMs, found: found === null ? 'no marker' : 'another marker' })
    else if (guardMs > 0 && !wasGuarded) this.#options.tell({ kind: 'guarded', guardMs })
    else if (guardMs === 0 && wasGuarded) this.#options.tell({ kind: 'over' })
  }
}
