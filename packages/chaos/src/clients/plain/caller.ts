import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { nowMs } from '../../clock.js'
import type { Ground } from '../setup.js'
import type { Stage } from '../stage.js'
import type { Answer, Send } from './http.js'

const acts = { acquire: 40, 'give-up': 20, 'crash-on': 4, nameless: 6, 'release-twice': 10, stranger: 5, again: 15 }

interface Wish {
  readonly ground: Ground
  readonly leaseId: string
  readonly permits: number
  readonly ttlMs: number
  readonly waitMs: number
}

interface Held {
  readonly fence: number
  readonly untilMs: number
}

const attemptsMax = 4

/** Uses the HTTP interface without an SDK: the same id again after a lost answer, connections closed at will, nothing renewed. */
export class PlainCaller {
  readonly #stage: Stage
  readonly #send: Send

  constructor(stage: Stage, send: Send) {
    this.#stage = stage
    this.#send = send
  }

  readonly step = async (): Promise<void> => {
    const wish = this.#wish()
    const act = this.#stage.random.weighted(acts)
    switch (act) {
      case 'acquire':
        return this.#acquire(wish)
      case 'give-up':
        return this.#giveUp(wish)
      case 'crash-on':
        return this.#forget(wish)
      case 'nameless':
        return this.#nameless(wish)
      case 'release-twice':
        return this.#releaseTwice(wish)
      case 'stranger':
        return this.#stranger(wish)
      case 'again':
        return this.#again(wish)
    }
  }

  #wish(): Wish {
    const { random } = this.#stage
    const ground = this.#stage.pickGround()
    return {
      ground,
      leaseId: randomUUID(),
      permits: ground.limit >= 3 ? random.between(1, 3) : 1,
      ttlMs: random.between(1_000, 4_000),
      waitMs: random.chance(30) ? 0 : random.between(50, 3_000),
    }
  }

  /** In as many attempts as an answer takes; when none comes, or no lease, the id is retired, as the documents say. */
  async #held(act: string, wish: Wish): Promise<Held | null> {
    const { ground, permits, waitMs } = wish
    const over = this.#stage.begin({ act, semaphore: ground.name, permits, waitMs, abortAfterMs: null })
    const untilMs = nowMs() + waitMs
    let outcome = 'UNREACHABLE'
    for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
      const sentMs = nowMs()
      // One more when the time is over: it learns what became of the last.
      if (sentMs > untilMs) attempt = attemptsMax
      const answer = await this.#attempt(wish, Math.max(0, Math.round(untilMs - sentMs)))
      if (answer?.status === 200) {
        over('held')
        return heldOf(answer, sentMs)
      }
      outcome = answer?.code ?? 'UNREACHABLE'
      // A wait that was held open for as long as the service does; the place is kept.
      if (outcome === 'STILL_WAITING') attempt -= 1
      else if (answer !== null && answer.status !== 503) break
      else await pause(100)
    }
    over(outcome)
    await this.#release(wish, true)
    return null
  }

  #attempt({ ground, leaseId, permits, ttlMs }: Wish, waitMs: number): Promise<Answer> {
    const create = { limit: ground.limit, bounded: ground.bounded }
    const body = { leaseId, permits, ttlMs, waitMs, create, holder: this.#stage.setup.name }
    return this.#send('POST', `/${ground.name}/acquire`, { body, timeoutMs: waitMs + 4_000 })
  }

  #release({ ground, leaseId }: Pick<Wish, 'ground' | 'leaseId'>, retire = false): Promise<Answer> {
    return this.#send('POST', `/${ground.name}/release`, { body: { leaseId, retire }, timeoutMs: 3_000 })
  }

  #work({ ground }: Wish, { fence, untilMs }: Held, forMs = this.#stage.random.between(2, 120)): Promise<void> {
    return this.#stage.work(ground, fence, forMs, () => nowMs() < untilMs)
  }

  async #acquire(wish: Wish): Promise<void> {
    const held = await this.#held('acquire', wish)
    if (held === null) return
    await this.#work(wish, held)
    await this.#release(wish)
  }

  /** Closes the connection while it waits, or just as it is granted. */
  async #giveUp({ ground, leaseId, permits, ttlMs }: Wish): Promise<void> {
    const { random } = this.#stage
    const closeAfterMs = random.between(1, 800)
    const body = { leaseId, permits, ttlMs, waitMs: 4_000 }
    const answer = await this.#send('POST', `/${ground.name}/acquire`, { body, closeAfterMs })
    if (answer === null && random.chance(50)) return
    await this.#release({ ground, leaseId }, answer === null)
  }

  async #forget(wish: Wish): Promise<void> {
    await this.#held('crash-on', { ...wish, ttlMs: 1_000 })
  }

  /** Without an id of its own: a lost answer costs the permits for one ttl. */
  async #nameless(wish: Wish): Promise<void> {
    const { ground, permits, waitMs } = wish
    const sentMs = nowMs()
    const body = { permits, ttlMs: 1_500, waitMs }
    const answer = await this.#send('POST', `/${ground.name}/acquire`, { body, timeoutMs: waitMs + 4_000 })
    if (answer?.status !== 200 || answer.leaseId === undefined) return
    await this.#work(wish, heldOf(answer, sentMs))
    await this.#release({ ground, leaseId: answer.leaseId })
  }

  async #releaseTwice(wish: Wish): Promise<void> {
    await this.#acquire(wish)
    await this.#release(wish)
  }

  async #stranger({ ground }: Wish): Promise<void> {
    await this.#release({ ground, leaseId: randomUUID() })
  }

  /** Asks again for what it holds, and renews it. */
  async #again(wish: Wish): Promise<void> {
    const held = await this.#held('again', wish)
    if (held === null) return
    await this.#work(wish, held)
    await this.#attempt(wish, 0)
    const sentMs = nowMs()
    const body = { leaseId: wish.leaseId, ttlMs: wish.ttlMs }
    const renewed = await this.#send('POST', `/${wish.ground.name}/renew`, { body, timeoutMs: 3_000 })
    if (renewed?.status === 200) await this.#work(wish, heldOf(renewed, sentMs))
    await this.#release(wish)
  }
}

/** The store counts whole ms of a clock that it reads in µs: a lease may end 1 ms early (docs/spec.md, "What time means here"). */
const roundingMs = 1

function heldOf({ fence = 0, expiresInMs = 0, waitedMs = 0 }: NonNullable<Answer>, sentMs: number): Held {
  return { fence, untilMs: sentMs + waitedMs + expiresInMs - roundingMs }
}
