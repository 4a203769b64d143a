import type { FastifyBaseLogger } from 'fastify'
import type { EventStream } from './event-stream.js'
import { Topic } from './topic.js'
import type { View } from './view.js'

export interface EventSettings {
  /** Most streams at this replica. */
  readonly streamsMax: number
  /** Most semaphores that one stream follows. */
  readonly semaphoresMax: number
  /** Shortest time between two looks at the store. */
  readonly intervalMs: number
  /** Longest silence on a stream. */
  readonly silenceMs: number
  /** A reader that leaves more than this unread is cut. */
  readonly unreadBytesMax: number
}

/** After looks that took long, a pause so many times as long: so they are never what Redis does most of the time. */
const pausesPerLook = 4
/** How soon a stream ends whose key was withdrawn. */
const tickMs = 1_000

interface Open {
  readonly stream: EventStream
  readonly mayRead: () => boolean
}

/**
 * The streams that are open at this replica. What is read by somebody is looked at once a second, one topic after the other and each
 * once for all who read it; where nobody reads, nothing is looked at. So what it costs Redis does not depend on how many read.
 */
export class LiveStreams {
  readonly #settings: EventSettings
  readonly #log: FastifyBaseLogger
  readonly #topics = new Map<string, Topic>()
  readonly #open = new Set<Open>()
  #round: NodeJS.Timeout | null = null
  #tick: NodeJS.Timeout | null = null

  constructor(settings: EventSettings, log: FastifyBaseLogger) {
    this.#settings = settings
    this.#log = log
  }

  get count(): number {
    return this.#open.size
  }

  get isFull(): boolean {
    return this.#open.size >= this.#settings.streamsMax
  }

  /** Shows the stream what `view` shows, or what it shows to others by the same key. Returns what takes it off again. */
  add(stream: EventStream, key: string, view: () => View, mayRead: () => boolean): () => void {
    const open = { stream, mayRead }
    const known = this.#topics.get(key)
    const topic = known ?? new Topic(view())
    this.#open.add(open)
    this.#topics.set(key, topic)
    topic.join(stream)
    if (known === undefined) void this.#look(topic)
    this.#tick ??= setInterval(() => this.#lookAfter(), tickMs).unref()
    this.#plan(this.#settings.intervalMs)
    return () => {
      this.#open.delete(open)
      topic.leave(stream)
      if (!topic.isRead && this.#topics.get(key) === topic) this.#topics.delete(key)
    }
  }

  /** Ends all streams. None may be added any more. */
  end(): void {
    if (this.#round !== null) clearTimeout(this.#round)
    if (this.#tick !== null) clearInterval(this.#tick)
    this.#round = null
    for (const { stream } of this.#open) stream.end()
  }

  #plan(pauseMs: number): void {
    if (this.#round !== null || this.#open.size === 0) return
    this.#round = setTimeout(() => void this.#lookAtAll(), pauseMs).unref()
  }

  async #lookAtAll(): Promise<void> {
    const round = this.#round
    let lookedForMs = 0
    for (const topic of this.#topics.values()) {
      const beganAtMs = performance.now()
      await this.#look(topic)
      // Looking in vain costs the store nothing, and who waits for its return should not wait longer.
      if (!topic.isCutOff) lookedForMs += performance.now() - beganAtMs
    }
    // Ended meanwhile.
    if (this.#round !== round) return
    this.#round = null
    this.#plan(Math.max(this.#settings.intervalMs, lookedForMs * pausesPerLook))
  }

  async #look(topic: Topic): Promise<void> {
    try {
      await topic.look()
    } catch (error) {
      this.#log.error({ err: error, route: '/v1/events' }, 'bug')
      topic.end()
    }
  }

  #lookAfter(): void {
    for (const { stream, mayRead } of this.#open) {
      if (mayRead()) stream.keepAlive(this.#settings.silenceMs)
      else stream.end()
    }
  }
}
