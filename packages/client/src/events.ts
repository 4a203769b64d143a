import type { LeaseLostError, SignalboxError } from './errors.js'

/** What happens beside the calls. Lease ids are never in it: whoever has one may release the lease. */
export type SignalboxEvent =
  /** A held lease ended before its release. Its signal has aborted with `error`. */
  | {
      readonly kind: 'lease-lost'
      readonly semaphore: string
      readonly fence: number
      readonly error: LeaseLostError
    }
  /** An attempt to renew failed. Whether it took effect is not known; it is tried again until `expiresInMs` is over. */
  | {
      readonly kind: 'renew-failed'
      readonly semaphore: string
      readonly fence: number
      readonly expiresInMs: number
      readonly error: unknown
    }
  /** A release that nobody awaits failed (after `run`, on disposal, on close, in the background): the lease's ttl gives the permits back. */
  | { readonly kind: 'release-failed'; readonly semaphore: string; readonly error: unknown }
  /** The code says `value`, the service has `limit`, and `value` is neither that nor the value at creation. Once per name and client. */
  | { readonly kind: 'limit-mismatch'; readonly semaphore: string; readonly value: number; readonly limit: number }
  /** A `release()` without a lease to give back raised the limit to `limit`. */
  | { readonly kind: 'limit-grown'; readonly semaphore: string; readonly limit: number }
  /** An acquire waits still, and is the `position`-th in the queue (1 is next). Told as often as the service answers a wait: every 25 s. */
  | { readonly kind: 'waiting'; readonly semaphore: string; readonly position: number }
  /** A request failed and is sent again after `delayMs`; `attempts` have been made. */
  | {
      readonly kind: 'retry'
      readonly request: string
      readonly attempts: number
      readonly delayMs: number
      readonly error: SignalboxError
    }

/** Where the SDK writes. Only warnings, unless `SIGNALBOX_LOG=debug`. */
export interface Logger {
  debug?(message: string): void
  warn(message: string): void
}

const uuids = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi

/** A text without lease ids (whoever has one may release the lease) and without the API key. */
export function redacted(text: string, apiKey: string | undefined): string {
  const withoutKey = apiKey === undefined ? text : text.replaceAll(apiKey, '[key]')
  return withoutKey.replaceAll(uuids, '[id]')
}

/** Calls what the user gave, and survives whatever it does: a callback that throws must not end a lease's renewal. */
function ignoringFailure(call: () => unknown): void {
  try {
    const result = call()
    if (result instanceof Promise) result.catch(() => undefined)
  } catch {
    // Documented: what listeners and loggers throw is ignored.
  }
}

export interface EventSettings {
  readonly onEvent: ((event: SignalboxEvent) => void) | undefined
  readonly logger: Logger
  readonly debug: boolean
  readonly apiKey: string | undefined
}

/** The way out for everything that is not an answer to a call. */
export class Events {
  readonly #settings: EventSettings
  readonly #mismatched = new Set<string>()

  constructor(settings: EventSettings) {
    this.#settings = settings
  }

  emit(event: SignalboxEvent): void {
    const { onEvent } = this.#settings
    if (onEvent !== undefined) ignoringFailure(() => onEvent(event))
    this.debug(() => {
      const error =
        'error' in event ? `: ${event.error instanceof Error ? event.error.message : String(event.error)}` : ''
      const subject = event.kind === 'retry' ? event.request : event.semaphore
      return `${event.kind} ${subject}${error}`
    })
  }

  warn(message: string): void {
    this.#write((logger) => logger.warn(message))
  }

  /** The text is made only when somebody reads it. */
  debug(message: () => string): void {
    const { debug, apiKey } = this.#settings
    if (debug) this.#write((logger) => logger.debug?.(`signalbox: ${redacted(message(), apiKey)}`))
  }

  limitMismatch(semaphore: string, value: number, limit: number): void {
    if (this.#mismatched.has(semaphore)) return
    this.#mismatched.add(semaphore)
    this.warn(
      `signalbox: the semaphore ${semaphore} has limit ${limit}, the code says ${value}. The service's limit is used: the number in the code only ` +
        `creates a semaphore, it does not resize one. Use resize(${value}) once, or change the code.`,
    )
    this.emit({ kind: 'limit-mismatch', semaphore, value, limit })
  }

  #write(write: (logger: Logger) => unknown): void {
    ignoringFailure(() => write(this.#settings.logger))
  }
}
