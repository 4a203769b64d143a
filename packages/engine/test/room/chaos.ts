import type { AcquireOutcome, Attempt } from '../../src/engine.js'
import type { Notice } from '../../src/store.js'
import type { Fate, Operation } from './faulty-store.js'
import type { Seeded } from './seeded.js'
import { request, type TestReplica, type World } from './world.js'

/** What may go wrong in one run. */
export interface Trouble {
  readonly callers: number
  readonly limit: number
  readonly ttlMs: number
  readonly stalls: boolean
  /**
   * Callers that try once, and only close when they lose patience. Otherwise they try again with the same id, and in the end release it with
   * `retire`, as a caller must that does not know what became of its attempts.
   */
  readonly onlyClose: boolean
}

/** Late, lost, doubled: a call is mostly quick, now and then slow, and seldom fails in one of three ways. */
function fateOf(random: Seeded, operation: Operation, call: unknown): Fate {
  const way = (): number => (random.chance(0.1) ? random.between(100, 4_000) : random.between(0, 20))
  const fate = { thereMs: way(), backMs: way() }
  if (operation === 'listen' || !random.chance(0.08)) return fate
  // A repeat that arrives after all may find the lease given back: the ttl bounds that (a caller retires its id after retries).
  const isRepeat =
    operation === 'acquire' && typeof call === 'object' && call !== null && 'create' in call && call.create === null
  return {
    ...fate,
    fault: random.pick(isRepeat ? ['never sent', 'reply lost'] : ['never sent', 'reply lost', 'too late']),
  }
}

function waysOf(random: Seeded, _notice: Notice): number[] {
  if (random.chance(0.1)) return []
  const way = (): number => (random.chance(0.2) ? random.between(0, 4_000) : random.between(0, 20))
  return random.chance(0.1) ? [way(), way()] : [way()]
}

/** Callers that acquire with retries, hold, release, lose patience; and what they believe to hold. */
export class Chaos {
  readonly violations: string[] = []
  readonly #world: World
  readonly #random: Seeded
  readonly #trouble: Trouble
  readonly #replicas: readonly TestReplica[]
  #believed = 0
  #done = 0

  constructor(world: World, random: Seeded, trouble: Trouble) {
    this.#world = world
    this.#random = random
    this.#trouble = trouble
    this.#replicas = [world.replica(), world.replica()]
    for (const { network } of this.#replicas) {
      network.fateOf = (operation, call) => fateOf(random, operation, call)
      network.waysOf = (notice) => waysOf(random, notice)
    }
  }

  /** Runs until all callers are done, and then in peace until all that was in doubt is settled. */
  async run(): Promise<void> {
    const callers = Array.from({ length: this.#trouble.callers }, (_, index) => this.#caller(`caller-${index}`))
    if (this.#trouble.stalls) void this.#stallNowAndThen()
    await this.#world.clock.advance(300_000)
    if (this.#done < callers.length) this.violations.push('a caller waits for ever')
    for (const { network, clock } of this.#replicas) {
      network.fateOf = () => ({})
      network.waysOf = () => [0]
      await clock.resume()
    }
    await this.#world.clock.advance(30_000)
    const { used, waiting } = await this.#world.inspect()
    const isLong = this.#trouble.ttlMs > 60_000
    if (waiting > 0) this.violations.push(`${waiting} waiters without a caller`)
    if (used > 0 && isLong) this.violations.push(`${used} permits lost`)
    if (!isLong && used > 0) this.violations.push('a lease outlived its ttl')
    const open = this.#replicas.map(({ engine }) => engine.waiting)
    if (open.some((count) => count > 0)) this.violations.push('a request is still open')
  }

  async #stallNowAndThen(): Promise<void> {
    for (let times = 0; times < 4; times += 1) {
      await this.#world.clock.after(this.#random.between(0, 8_000))
      const { clock } = this.#random.pick(this.#replicas)
      clock.stall()
      await this.#world.clock.after(this.#random.between(10, 14_000))
      await clock.resume()
    }
  }

  async #caller(id: string): Promise<void> {
    await this.#world.clock.after(this.#random.between(0, 2_000))
    let attempts = 0
    let isHeld = false
    const { onlyClose } = this.#trouble
    while (attempts < (onlyClose ? 1 : 3) && !isHeld) {
      attempts += 1
      isHeld = await this.#attempt(id)
    }
    if (isHeld || !onlyClose) await this.#giveBack(id, attempts > 1 || !isHeld)
    this.#done += 1
  }

  /** One request, closed when the caller loses patience. Whether it held the lease, until it was done with it. */
  async #attempt(id: string): Promise<boolean> {
    const { clock } = this.#world
    const random = this.#random
    const { engine, clock: replicaClock } = random.pick(this.#replicas)
    const sentAtMs = clock.now()
    const { limit, ttlMs } = this.#trouble
    const waitMs = random.pick([0, 500, 5_000, 30_000])
    const isAnsweredAtOnce = random.chance(0.3)
    const attempt = engine.acquire({ ...request(id, { waitMs, ttlMs, limit }), isAnsweredAtOnce })
    const caller = { isThere: true }
    const patience = clock.after(random.pick([20, 1_000, 10_000, 40_000])).then(() => {
      caller.isThere = false
    })
    const outcome = await Promise.race([patience, this.#read(attempt, caller)])
    if (outcome === undefined || outcome === null || outcome.kind !== 'granted') {
      // The replica sees it when its event loop runs, and not at once.
      if (this.#trouble.onlyClose) replicaClock.whenRunning(() => attempt.close())
      else clock.setTimeout(() => replicaClock.whenRunning(() => attempt.close()), random.between(0, 50))
      await clock.after(random.between(0, 200))
      return false
    }
    const { expiresInMs, waitedMs } = outcome.lease
    const untilMs = sentAtMs + Math.min(waitedMs, clock.now() - sentAtMs) + expiresInMs
    await this.#work(untilMs)
    return true
  }

  /** The reply is written, and read a little later; null: there is none. */
  async #read(attempt: Attempt, caller: { readonly isThere: boolean }): Promise<AcquireOutcome | null> {
    try {
      const outcome = await attempt.outcome
      if (outcome.kind === 'granted' && outcome.lease.deadlineMs <= this.#world.storeNowMs) {
        this.violations.push('a lease whose deadline has passed is reported as held')
      }
      // A 200 written into a connection that was closed a moment ago costs the ttl, unless the caller releases its id.
      if (caller.isThere || !this.#trouble.onlyClose) attempt.delivered()
      if (!this.#trouble.onlyClose) await this.#world.clock.after(this.#random.between(0, 5))
      return outcome
    } catch {
      return null
    }
  }

  async #work(untilMs: number): Promise<void> {
    const { clock } = this.#world
    const forMs = Math.min(this.#random.between(0, 3_000), untilMs - clock.now())
    if (forMs <= 0) return
    this.#believed += 1
    if (this.#believed > this.#trouble.limit) this.violations.push(`${this.#believed} callers hold at ${clock.now()}`)
    await clock.after(forMs)
    this.#believed -= 1
  }

  async #giveBack(id: string, retire: boolean): Promise<void> {
    for (;;) {
      const { engine } = this.#random.pick(this.#replicas)
      try {
        await engine.release({ semaphore: 's', leaseId: id, retire })
        return
      } catch {
        await this.#world.clock.after(100)
      }
    }
  }
}
