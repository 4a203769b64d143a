import { StoreUnavailableError } from '@signalbox/engine'
import { eventText, type EventStream } from './event-stream.js'
import type { View } from './view.js'

/** What is told once when a look fails for the store's sake. The next event is a snapshot, when it is back. */
const unavailable = eventText('unavailable', { code: 'STORE_UNAVAILABLE' })

/** All who read the same: one look is for all of them, however many they are. */
export class Topic {
  readonly #view: View
  readonly #readers = new Set<EventStream>()
  #knows: 'nothing yet' | 'the last look' | 'no store' = 'nothing yet'
  #underWay: Promise<void> | null = null

  constructor(view: View) {
    this.#view = view
  }

  get isRead(): boolean {
    return this.#readers.size > 0
  }

  /** Whether the last look found no store. */
  get isCutOff(): boolean {
    return this.#knows === 'no store'
  }

  /** Begins with all that is known; where nothing is yet, with what the look under way will find. */
  join(reader: EventStream): void {
    this.#readers.add(reader)
    if (this.#knows === 'the last look') reader.write(this.#view.snapshot())
    if (this.#knows === 'no store') reader.write(unavailable)
  }

  leave(reader: EventStream): void {
    this.#readers.delete(reader)
  }

  /** Looks, and tells all readers what is new. Rejects for bugs alone. */
  look(): Promise<void> {
    this.#underWay ??= this.#lookOnce().finally(() => (this.#underWay = null))
    return this.#underWay
  }

  end(): void {
    for (const reader of this.#readers) reader.end()
  }

  async #lookOnce(): Promise<void> {
    try {
      const news = await this.#view.look()
      this.#tell(this.#knows === 'the last look' ? news : this.#view.snapshot())
      this.#knows = 'the last look'
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error
      this.#tell(this.#knows === 'no store' ? null : unavailable)
      this.#knows = 'no store'
    }
  }

  #tell(text: string | null): void {
    if (text !== null) for (const reader of this.#readers) reader.write(text)
  }
}
