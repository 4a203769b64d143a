import { setTimeout as pause } from 'node:timers/promises'
import { SignalboxError, type Lease, type Semaphore, type SignalboxClient } from '@signalbox/client'
import type { Ground } from '../setup.js'
import type { Stage } from '../stage.js'

interface Wish {
  readonly ground: Ground
  readonly semaphore: Semaphore
  readonly permits: number
  readonly ttlMs: number
}

/** How often a caller does what. */
const acts = { run: 30, acquire: 22, 'try-acquire': 14, abort: 12, 'hand-over': 6, forget: 3, 'hold-long': 3 }

/** Uses the SDK as programs do, in all its ways, and says what it knows at every moment. */
export class SdkCaller {
  readonly #stage: Stage
  readonly #client: SignalboxClient

  constructor(stage: Stage, client: SignalboxClient) {
    this.#stage = stage
    this.#client = client
  }

  readonly step = async (): Promise<void> => {
    const { random } = this.#stage
    const wish = this.#wish()
    const act = random.weighted(acts)
    switch (act) {
      case 'run':
        return this.#run(wish)
      case 'acquire':
        return this.#acquire(wish)
      case 'try-acquire':
        return this.#tryAcquire(wish)
      case 'abort':
        return this.#abort(wish)
      case 'hand-over':
        return this.#handOver(wish)
      case 'forget':
        return this.#forget(wish)
      case 'hold-long':
        return this.#holdLong(wish)
    }
  }

  /** Takes over what another process handed over, if it is not too late. */
  async adopt(semaphoreName: string, leaseId: string, ttlMs: number): Promise<void> {
    const ground = this.#stage.setup.grounds.find(({ name }) => name === semaphoreName)
    if (ground === undefined) return
    let lease: Lease
    try {
      lease = await this.#semaphore(ground).adopt(leaseId, { ttlMs })
    } catch (error) {
      outcomeOf(error)
      return
    }
    await this.#hold(ground, lease, this.#stage.random.between(5, 300))
    await this.#release(lease)
  }

  #semaphore(ground: Ground): Semaphore {
    return ground.bounded
      ? this.#client.boundedSemaphore(ground.name, ground.limit)
      : this.#client.semaphore(ground.name, ground.limit)
  }

  #wish(): Wish {
    const { random } = this.#stage
    const ground = this.#stage.pickGround()
    const permits = ground.limit >= 3 ? random.between(1, 3) : 1
    return { ground, semaphore: this.#semaphore(ground), permits, ttlMs: random.between(1_000, 5_000) }
  }

  #waitMs(): number | null {
    return this.#stage.random.chance(35) ? null : this.#stage.random.between(50, 6_000)
  }

  async #run({ ground, semaphore, permits, ttlMs }: Wish): Promise<void> {
    const waitMs = this.#waitMs()
    const over = this.#stage.begin({ act: 'run', semaphore: ground.name, permits, waitMs, abortAfterMs: null })
    try {
      await semaphore.run({ permits, ttlMs, ...(waitMs === null ? {} : { waitMs }) }, async (lease) => {
        over('held')
        await this.#hold(ground, lease, this.#stage.random.between(2, 90))
      })
    } catch (error) {
      over(outcomeOf(error))
    }
  }

  async #acquire(wish: Wish): Promise<void> {
    const lease = await this.#wait('acquire', wish, this.#waitMs())
    if (lease === null) return
    await this.#hold(wish.ground, lease, this.#stage.random.between(2, 90))
    await this.#release(lease)
  }

  async #tryAcquire(wish: Wish): Promise<void> {
    const { ground, semaphore, permits, ttlMs } = wish
    const over = this.#stage.begin({
      act: 'try-acquire',
      semaphore: ground.name,
      permits,
      waitMs: 0,
      abortAfterMs: null,
    })
    let lease: Lease | null
    try {
      lease = await semaphore.tryAcquire({ permits, ttlMs })
    } catch (error) {
      over(outcomeOf(error))
      return
    }
    over(lease === null ? 'busy' : 'held')
    if (lease === null) return
    await this.#hold(ground, lease, this.#stage.random.between(2, 60))
    await this.#release(lease)
  }

  async #abort(wish: Wish): Promise<void> {
    const lease = await this.#wait('abort', wish, null, this.#stage.random.between(0, 1_500))
    if (lease === null) return
    await this.#hold(wish.ground, lease, this.#stage.random.between(2, 60))
    await this.#release(lease)
  }

  async #handOver(wish: Wish): Promise<void> {
    const lease = await this.#wait('hand-over', wish, this.#waitMs())
    if (lease === null) return
    lease.detach()
    this.#stage.tell({ kind: 'handed-over', semaphore: wish.ground.name, leaseId: lease.id, ttlMs: wish.ttlMs })
  }

  /** The careless program: the ttl has to bring the permits back. */
  async #forget(wish: Wish): Promise<void> {
    const lease = await this.#wait('forget', { ...wish, ttlMs: 1_000 }, this.#waitMs())
    lease?.detach()
  }

  async #holdLong(wish: Wish): Promise<void> {
    const lease = await this.#wait('hold-long', { ...wish, ttlMs: 1_500 }, this.#waitMs())
    if (lease === null) return
    await this.#hold(wish.ground, lease, this.#stage.random.between(1_500, 4_000))
    await this.#release(lease)
  }

  async #wait(act: string, wish: Wish, waitMs: number | null, abortAfterMs: number | null = null) {
    const { ground, semaphore, permits, ttlMs } = wish
    const aborting = new AbortController()
    const over = this.#stage.begin({ act, semaphore: ground.name, permits, waitMs, abortAfterMs })
    const alarm = abortAfterMs === null ? undefined : setTimeout(() => aborting.abort(gaveUp), abortAfterMs)
    try {
      const patience = waitMs === null ? {} : { waitMs }
      const lease = await semaphore.acquire({ permits, ttlMs, ...patience, signal: aborting.signal })
      over('held')
      return lease
    } catch (error) {
      over(error === gaveUp ? 'aborted' : outcomeOf(error))
      return null
    } finally {
      clearTimeout(alarm)
    }
  }

  async #hold(ground: Ground, lease: Lease, forMs: number): Promise<void> {
    const { recorder } = this.#stage
    const { semaphore, fence, signal } = lease
    const told = (): void => recorder.record({ kind: 'lost', semaphore, fence })
    signal.addEventListener('abort', told, { once: true })
    await this.#stage.work(ground, fence, forMs, () => !lease.signal.aborted)
    signal.removeEventListener('abort', told)
  }

  async #release(lease: Lease): Promise<void> {
    try {
      await lease.release()
    } catch (error) {
      outcomeOf(error)
      // The service may be away for longer than the SDK is patient.
      await pause(20)
    }
  }
}

const gaveUp = new Error('gave up')

/** The code of what the SDK documents; anything else is a bug, and ends the process loudly. */
function outcomeOf(error: unknown): string {
  if (error instanceof SignalboxError) return error.code
  throw error
}
