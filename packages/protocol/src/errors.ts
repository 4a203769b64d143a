/** What the SDK throws (or, for `null` and `never`, does not throw) for a code. */
export type SdkError =
  | 'InvalidRequestError'
  | 'AuthenticationError'
  | 'NotFoundError'
  | 'PermitsExceedLimitError'
  | 'LimitConflictError'
  | 'ValueError'
  | 'SignalboxError'
  | 'LeaseLostError'
  | 'WaitCancelledError'
  | 'PermitsUnavailableError'
  | 'AcquireTimeoutError'
  | 'StillWaitingError'
  | 'QueueFullError'
  | 'UnavailableError'

/** One row of the error table. */
export interface ErrorRow {
  /** HTTP status of a reply with this code. */
  readonly status: number
  /** RFC 9457 title: the same words for every occurrence. */
  readonly title: string
  /** Whether the same call may succeed later, unchanged. Such replies carry `Retry-After`. */
  readonly retryable: boolean
  /** The class the SDK rejects with. */
  readonly sdk: SdkError
}

/**
 * Every code that can leave the service. HTTP replies, the OpenAPI document, the docs and the SDK all follow this table;
 * a test walks it and fails for a code that no test provokes.
 */
export const errorTable = {
  INVALID_REQUEST: { status: 400, title: 'The request is not valid', retryable: false, sdk: 'InvalidRequestError' },
  UNAUTHENTICATED: { status: 401, title: 'A valid API key is needed', retryable: false, sdk: 'AuthenticationError' },
  FORBIDDEN: { status: 403, title: 'Not allowed', retryable: false, sdk: 'AuthenticationError' },
  SEMAPHORE_NOT_FOUND: { status: 404, title: 'No such semaphore', retryable: false, sdk: 'NotFoundError' },
  ROUTE_NOT_FOUND: { status: 404, title: 'No such route', retryable: false, sdk: 'NotFoundError' },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'This route has no such method',
    retryable: false,
    sdk: 'InvalidRequestError',
  },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'The body is too large', retryable: false, sdk: 'InvalidRequestError' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The body is not JSON', retryable: false, sdk: 'InvalidRequestError' },
  PERMITS_EXCEED_LIMIT: {
    status: 409,
    title: 'More permits than the limit',
    retryable: false,
    sdk: 'PermitsExceedLimitError',
  },
  LIMIT_CONFLICT: {
    status: 409,
    title: 'The semaphore exists with another configuration',
    retryable: false,
    sdk: 'LimitConflictError',
  },
  LEASE_ID_CONFLICT: {
    status: 409,
    title: 'The lease id is in use for another request',
    retryable: false,
    sdk: 'InvalidRequestError',
  },
  RELEASED_TOO_MANY_TIMES: {
    status: 409,
    title: 'A bounded semaphore does not grow',
    retryable: false,
    sdk: 'ValueError',
  },
  SEMAPHORE_IN_USE: { status: 409, title: 'Leases are held', retryable: false, sdk: 'SignalboxError' },
  LEASE_NOT_HELD: { status: 410, title: 'The lease is not held', retryable: false, sdk: 'LeaseLostError' },
  WAIT_CANCELLED: { status: 410, title: 'The wait was cancelled', retryable: false, sdk: 'WaitCancelledError' },
  PERMITS_UNAVAILABLE: { status: 429, title: 'No permit is free', retryable: true, sdk: 'PermitsUnavailableError' },
  ACQUIRE_TIMEOUT: { status: 429, title: 'Waited in vain', retryable: true, sdk: 'AcquireTimeoutError' },
  STILL_WAITING: { status: 429, title: 'Still waiting', retryable: true, sdk: 'StillWaitingError' },
  QUEUE_FULL: { status: 429, title: 'The queue is full', retryable: true, sdk: 'QueueFullError' },
  INTERNAL: { status: 500, title: 'Internal error', retryable: false, sdk: 'SignalboxError' },
  STORE_UNAVAILABLE: { status: 503, title: 'The store cannot be reached', retryable: true, sdk: 'UnavailableError' },
  STORE_RECOVERING: {
    status: 503,
    title: 'The store lost data and recovers',
    retryable: true,
    sdk: 'UnavailableError',
  },
  OVERLOADED: { status: 503, title: 'Too much work', retryable: true, sdk: 'UnavailableError' },
  SHUTTING_DOWN: { status: 503, title: 'This replica is stopping', retryable: true, sdk: 'UnavailableError' },
} as const satisfies Record<string, ErrorRow>

/** A code of the error table. */
export type ErrorCode = keyof typeof errorTable

/** The URN that names a code in a problem document, e.g. `urn:signalbox:error:permits-unavailable`. */
export function problemType(code: ErrorCode): string {
  return `urn:signalbox:error:${code.toLowerCase().replaceAll('_', '-')}`
}
