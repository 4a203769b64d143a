/// <reference lib="esnext.disposable" preserve="true" />
// For projects whose own `lib` ends before it: the declarations made from this file name it.
import { semaphoresPage } from './administration.js'
import { BoundedSemaphore } from './bounded-semaphore.js'
import { bindConnection, Connection } from './connection.js'
import { asyncDispose } from './dispose.js'
import { refuseOtherThanSignal, refuseUnknown } from './option-checks.js'
import type { SemaphoreOptions } from './options.js'
import { Semaphore, type SemaphoreState } from './semaphore.js'
import type { ClientOptions } from './settings.js'

/** Which semaphores to list. */
export interface ListOptions {
  /** The beginning of their names. Default: all. */
  readonly prefix?: string | undefined
  /** How many are asked for at once. Default 100, or as many as the service allows. */
  readonly pageSize?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const listOptions = { prefix: true, pageSize: true, signal: true } as const satisfies Record<keyof ListOptions, true>

/**
 * A connection to one Signalbox service. Making one sends nothing and throws `InvalidRequestError` only for options that there
 * are not, or that no request could be made with. Accounts of leases, batches and events are per client: share one.
 */
export class SignalboxClient implements AsyncDisposable {
  readonly #connection: Connection

  constructor(options: ClientOptions = {}) {
    this.#connection = new Connection(options)
    bindConnection(this, this.#connection)
  }

  /** As `new Semaphore`, through this client. */
  semaphore(name: string, value?: number, options: Omit<SemaphoreOptions, 'client'> = {}): Semaphore {
    return new Semaphore(name, value, { ...options, client: this })
  }

  /** As `new BoundedSemaphore`, through this client. */
  boundedSemaphore(name: string, value?: number, options: Omit<SemaphoreOptions, 'client'> = {}): BoundedSemaphore {
    return new BoundedSemaphore(name, value, { ...options, client: this })
  }

  /**
   * The semaphores that exist, page by page as you iterate. One that exists all the while is listed; each state is of the moment its page was
   * read. Needs a key with `inspect`; only names that the key may see are listed.
   */
  async *semaphores(options: ListOptions = {}): AsyncGenerator<SemaphoreState, void, undefined> {
    refuseUnknown(options, listOptions)
    const { prefix = '', pageSize, signal } = options
    refuseOtherThanSignal(signal)
    let cursor: string | null = null
    do {
      const page = await semaphoresPage(this.#connection, { prefix, pageSize, cursor }, signal)
      yield* page.items
      cursor = page.nextCursor
    } while (cursor !== null)
  }

  /**
   * Ends everything: new calls are refused (code `CLIENT_CLOSED`), waits reject with the same, and every lease is released, detached ones excepted. The
   * signal of a lease that somebody still works under aborts. Resolves when the service has answered, or after `timeoutMs` (default 5,000):
   * then the ttl gives back what could not be. Never rejects; a second call returns the same promise.
   */
  close(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    return this.#connection.close(options.timeoutMs ?? 5_000)
  }

  /** `close` with its default time-out. */
  [asyncDispose](): Promise<void> {
    return this.close()
  }
}
