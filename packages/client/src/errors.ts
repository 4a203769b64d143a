import type { ServiceErrorCode } from './wire.gen.js'

/**
 * What went wrong, for programs: a code of the service's error table, or one of the SDK's own. `UNREACHABLE`: no answer (refused, reset,
 * timed out). `UNEXPECTED_REPLY`: something answered that does not speak Signalbox. `CLIENT_CLOSED`: the client was closed.
 * `INVALID_VALUE`: a value that no semaphore can have.
 */
export type ErrorCode = ServiceErrorCode | 'UNREACHABLE' | 'UNEXPECTED_REPLY' | 'CLIENT_CLOSED' | 'INVALID_VALUE'

/** What an error carries besides its message. */
export interface ErrorDetails {
  readonly code: ErrorCode
  readonly status?: number | undefined
  readonly retryable?: boolean | undefined
  readonly requestId?: string | undefined
  readonly cause?: unknown
}

// Two copies of this package in one program (two versions, ESM and a bundle) have two of every class. The brand makes `instanceof` agree: each
// error lists the kinds it is, and each class asks that list instead of the prototype chain.
const brand = Symbol.for('@signalbox/client.error')

function markKinds(error: object, kinds: readonly string[]): void {
  Object.defineProperty(error, brand, { value: kinds })
}

function isOfKind(value: unknown, kind: string): boolean {
  if (typeof value !== 'object' || value === null) return false
  const kinds: unknown = Reflect.get(value, brand)
  return Array.isArray(kinds) && kinds.includes(kind)
}

/** The kind that a class states itself. A subclass of somebody else's states none: for it the prototype chain decides. */
function ownKind(type: unknown): string | undefined {
  if (typeof type !== 'function' || !Object.hasOwn(type, 'kind')) return undefined
  const kind: unknown = Reflect.get(type, 'kind')
  return typeof kind === 'string' ? kind : undefined
}

function kindsOf(type: unknown): string[] {
  const kinds: string[] = []
  for (let at = type; typeof at === 'function'; at = Object.getPrototypeOf(at)) {
    const kind = ownKind(at)
    if (kind !== undefined) kinds.push(kind)
  }
  return kinds
}

function isInstance(type: unknown, value: unknown): boolean {
  const kind = ownKind(type)
  if (kind !== undefined) return isOfKind(value, kind)
  return Function.prototype[Symbol.hasInstance].call(type, value)
}

function optionsOf(details: ErrorDetails): ErrorOptions {
  return details.cause === undefined ? {} : { cause: details.cause }
}

/**
 * Whatever the SDK rejects with, except the reason of an aborted signal. `instanceof` holds across two copies of the package.
 */
export class SignalboxError extends Error {
  static readonly kind: string = 'SignalboxError'
  override readonly name: string = 'SignalboxError'
  readonly code: ErrorCode
  /** HTTP status of the answer; undefined when there was none. */
  readonly status: number | undefined
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean
  /** The service's id of the request, for its log; undefined when there was no answer. */
  readonly requestId: string | undefined

  constructor(message: string, details: ErrorDetails) {
    super(message, optionsOf(details))
    this.code = details.code
    this.status = details.status
    this.retryable = details.retryable ?? false
    this.requestId = details.requestId
    markKinds(this, kindsOf(new.target))
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isInstance(this, value)
  }
}

/**
 * A value that Python would refuse too: a negative initial value, or a BoundedSemaphore released too many times. A `RangeError` and,
 * by brand, a `SignalboxError`.
 */
export class ValueError extends RangeError implements SignalboxError {
  static readonly kind: string = 'ValueError'
  override readonly name = 'ValueError'
  readonly code: ErrorCode
  readonly status: number | undefined
  readonly retryable: boolean
  readonly requestId: string | undefined

  constructor(message: string, details: ErrorDetails) {
    super(message, optionsOf(details))
    this.code = details.code
    this.status = details.status
    this.retryable = details.retryable ?? false
    this.requestId = details.requestId
    markKinds(this, [...kindsOf(new.target), SignalboxError.kind])
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isInstance(this, value)
  }
}

/** The caller asked for something that cannot be (400, 405, 413, 415, or a lease id in use): repeating it is of no use. */
export class InvalidRequestError extends SignalboxError {
  static override readonly kind = 'InvalidRequestError'
  override readonly name = 'InvalidRequestError'
}

/** No valid API key, or one that may not do this (401, 403). */
export class AuthenticationError extends SignalboxError {
  static override readonly kind = 'AuthenticationError'
  override readonly name = 'AuthenticationError'
}

/** No such semaphore, or no such route: then the URL is probably not a Signalbox service's (404). */
export class NotFoundError extends SignalboxError {
  static override readonly kind = 'NotFoundError'
  override readonly name = 'NotFoundError'
}

/** More permits asked for than the limit: waiting would never end (409). */
export class PermitsExceedLimitError extends SignalboxError {
  static override readonly kind = 'PermitsExceedLimitError'
  override readonly name = 'PermitsExceedLimitError'
}

/** The semaphore is of the other kind, or, with `onConflict: 'error'`, has another limit (409). */
export class LimitConflictError extends SignalboxError {
  static override readonly kind = 'LimitConflictError'
  override readonly name = 'LimitConflictError'
}

/** The lease is not held (any more): its deadline passed, an operator took it back, or it was released (410). */
export class LeaseLostError extends SignalboxError {
  static override readonly kind = 'LeaseLostError'
  override readonly name = 'LeaseLostError'
}

/** Somebody released the waiting lease id: the wait is over, nothing is held (410). */
export class WaitCancelledError extends SignalboxError {
  static override readonly kind = 'WaitCancelledError'
  override readonly name = 'WaitCancelledError'
}

/** No permit was free and `waitMs` was 0 (429). `tryAcquire` answers null instead. */
export class PermitsUnavailableError extends SignalboxError {
  static override readonly kind = 'PermitsUnavailableError'
  override readonly name = 'PermitsUnavailableError'
}

/** No permit came free within `waitMs` (429). Nothing is held and the place in the queue is given up. */
export class AcquireTimeoutError extends SignalboxError {
  static override readonly kind = 'AcquireTimeoutError'
  override readonly name = 'AcquireTimeoutError'
}

/** Too many callers wait for this semaphore already (429): busy, not down. */
export class QueueFullError extends SignalboxError {
  static override readonly kind = 'QueueFullError'
  override readonly name = 'QueueFullError'
}

/**
 * The service, or its store, could not be reached for as long as the call may retry. `cause` is the last failure. Never means busy. What the
 * call would have done may have happened; an acquire that ends so gives back in the background whatever it may have got.
 */
export class UnavailableError extends SignalboxError {
  static override readonly kind = 'UnavailableError'
  override readonly name = 'UnavailableError'
}
