import type { Redis } from 'ioredis'
import { StoreUnavailableError } from '../store.js'
import { errorOfItsOwn } from './store-error.js'
import type { ToldLease } from './vouched-store.js'

export interface ReplicationSettings {
  /** How many Redis replicas must have a lease before anybody is told that it is held; 0: none. */
  readonly waitReplicas: number
  /** How long they may take. */
  readonly waitTimeoutMs: number
}

export interface ConfirmationOptions extends ReplicationSettings {
  /** Asks over a connection of its own: WAIT holds up whatever comes behind it. */
  readonly ask: <Answer>(question: (client: Redis) => Promise<Answer>) => Promise<Answer>
  readonly deadlinesKeyOf: (semaphore: string) => string
  /** A hash of this server's own, to write a field of. */
  readonly writeTo: string
}

/** A write that is done even when memory is full: what is held must stay renewable then. */
const write = "#!lua flags=allow-oom\nreturn redis.call('HSET', KEYS[1], 'confirmed', '')"

interface Asked {
  readonly semaphore: string
  readonly told: readonly ToldLease[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * That enough Redis replicas have a lease, so that it survives a failover to one of them. WAIT covers everything up to the last write of its own
 * connection (up to its last command in Redis 7.0; newer engines do not count reads, and then wait for nothing); so there is a write first. Each lease
 * is read before, which shows that this server, perhaps a newer primary than the one that granted, has it at all.
 *
 * One round is under way at a time, and all that come meanwhile share the next: a WAIT for each would queue up, since it
 * blocks its connection. So a lease waits for two rounds at most.
 */
export class Confirmation {
  readonly #options: ConfirmationOptions
  #asked: Asked[] = []
  #isRunning = false

  constructor(options: ConfirmationOptions) {
    this.#options = options
  }

  /** Rejects with `StoreUnavailableError` when not all of these leases are known to be replicated. */
  confirm(semaphore: string, told: readonly ToldLease[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ semaphore, told, resolve, reject })
      if (!this.#isRunning) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#asked.length > 0) {
      const round = this.#asked.splice(0)
      try {
        await this.#confirmAll(round)
      } catch (error) {
        for (const { reject } of round) reject(errorOfItsOwn(error))
      }
    }
    this.#isRunning = false
  }

  async #confirmAll(round: readonly Asked[]): Promise<void> {
    const { ask, waitReplicas, waitTimeoutMs, writeTo } = this.#options
    const [found, , replicas] = await ask((client) =>
      // Sent together, in this order, on one connection.
      Promise.all([
        Promise.all(round.map((asked) => this.#isThere(client, asked))),
        client.eval(write, 1, writeTo),
        client.wait(waitReplicas, waitTimeoutMs),
      ]),
    )
    if (replicas < waitReplicas) {
      const text = `${replicas} of ${waitReplicas} Redis replicas had the lease after ${waitTimeoutMs} ms.`
      throw new StoreUnavailableError(text)
    }
    for (const [index, { semaphore, resolve, reject }] of round.entries()) {
      if (found[index] === true) resolve()
      else
        reject(new StoreUnavailableError(`The primary of ${semaphore} does not have the lease that another granted.`))
    }
  }

  async #isThere(client: Redis, { semaphore, told }: Asked): Promise<boolean> {
    const key = this.#options.deadlinesKeyOf(semaphore)
    const deadlines = await Promise.all(told.map(({ leaseId }) => client.zscore(key, leaseId)))
    // A renewal by another attempt may have pushed it out since.
    return told.every(({ lease }, index) => Number(deadlines[index] ?? 0) >= lease.deadlineMs)
  }
}
