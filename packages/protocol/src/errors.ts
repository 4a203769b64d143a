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
  /** What its caller should do, for the reference: one statement a sentence. Not on the wire, where `detail` says it with the values. */
  readonly remedy: string
}

/**
 * Every code that can leave the service. HTTP replies, the OpenAPI document, the docs and the SDK all follow this table;
 * a test walks it and fails for a code that no test provokes.
 */
export const errorTable = {
  INVALID_REQUEST: {
    status: 400,
    title: 'The request is not valid',
    retryable: false,
    sdk: 'InvalidRequestError',
    remedy: 'Correct what `detail` and `errors` name. Repeated unchanged, the request is refused again.',
  },
  UNAUTHENTICATED: {
    status: 401,
    title: 'A valid API key is needed',
    retryable: false,
    sdk: 'AuthenticationError',
    remedy: 'Send `Authorization: Bearer KEY`, with a key that the service has.',
  },
  FORBIDDEN: {
    status: 403,
    title: 'Not allowed',
    retryable: false,
    sdk: 'AuthenticationError',
    remedy:
      'Use a key with the scope and the prefix that the call needs. Where there are no keys, call the service as `localhost` or `127.0.0.1`.',
  },
  SEMAPHORE_NOT_FOUND: {
    status: 404,
    title: 'No such semaphore',
    retryable: false,
    sdk: 'NotFoundError',
    remedy: 'Check the name. An acquire with `create` makes the semaphore, and so does a PUT.',
  },
  ROUTE_NOT_FOUND: {
    status: 404,
    title: 'No such route',
    retryable: false,
    sdk: 'NotFoundError',
    remedy: 'Check the path. `/docs` of the service has every route.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'This route has no such method',
    retryable: false,
    sdk: 'InvalidRequestError',
    remedy: 'Use one of the methods that the header `Allow` lists.',
  },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    title: 'The body is too large',
    retryable: false,
    sdk: 'InvalidRequestError',
    remedy: 'Send a smaller body. `detail` says how large it may be.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'The body is not JSON',
    retryable: false,
    sdk: 'InvalidRequestError',
    remedy: 'Send JSON, with `Content-Type: application/json`. `curl --json` does both.',
  },
  PERMITS_EXCEED_LIMIT: {
    status: 409,
    title: 'More permits than the limit',
    retryable: false,
    sdk: 'PermitsExceedLimitError',
    remedy:
      'Ask for fewer permits, or raise the limit with a PUT. For a semaphore that is new, give `create` a larger limit.',
  },
  LIMIT_CONFLICT: {
    status: 409,
    title: 'The semaphore exists with another configuration',
    retryable: false,
    sdk: 'LimitConflictError',
    remedy:
      'Ask for the kind that is there: `bounded` true or false in `create`, `BoundedSemaphore` or `Semaphore` in the SDK. Or take another name. Another limit is a conflict only where `onConflict` is `error`.',
  },
  LEASE_ID_CONFLICT: {
    status: 409,
    title: 'The lease id is in use for another request',
    retryable: false,
    sdk: 'InvalidRequestError',
    remedy: 'Make a new UUID for each acquire. A repeat of an acquire asks for as many permits as the first.',
  },
  RELEASED_TOO_MANY_TIMES: {
    status: 409,
    title: 'A bounded semaphore does not grow',
    retryable: false,
    sdk: 'ValueError',
    remedy: 'Release each lease once. To raise the limit of a bounded semaphore, use PUT.',
  },
  SEMAPHORE_IN_USE: {
    status: 409,
    title: 'Leases are held',
    retryable: false,
    sdk: 'SignalboxError',
    remedy:
      'Wait until the leases have ended. With `force=true` it is removed at once, and those who hold lose their leases.',
  },
  LEASE_NOT_HELD: {
    status: 410,
    title: 'The lease is not held',
    retryable: false,
    sdk: 'LeaseLostError',
    remedy:
      'Stop what the lease protected, and acquire again. After a repeated release there is nothing to do: an earlier attempt may have released it.',
  },
  WAIT_CANCELLED: {
    status: 410,
    title: 'The wait was cancelled',
    retryable: false,
    sdk: 'WaitCancelledError',
    remedy: 'Somebody released this lease id. Acquire again with a new one, if the permits are still wanted.',
  },
  PERMITS_UNAVAILABLE: {
    status: 429,
    title: 'No permit is free',
    retryable: true,
    sdk: 'PermitsUnavailableError',
    remedy: 'Try again after `Retry-After`. Or queue: give `waitMs`.',
  },
  ACQUIRE_TIMEOUT: {
    status: 429,
    title: 'Waited in vain',
    retryable: true,
    sdk: 'AcquireTimeoutError',
    remedy: 'Try again. The place in the queue is given up, so a longer `waitMs` is better than many short ones.',
  },
  STILL_WAITING: {
    status: 429,
    title: 'Still waiting',
    retryable: true,
    sdk: 'StillWaitingError',
    remedy: 'Make the same call with the same lease id within 10 s. It keeps the place.',
  },
  QUEUE_FULL: {
    status: 429,
    title: 'The queue is full',
    retryable: true,
    sdk: 'QueueFullError',
    remedy: 'Try again after `Retry-After`. If it is so for long, raise the limit or `SIGNALBOX_QUEUE_MAX`.',
  },
  INTERNAL: {
    status: 500,
    title: 'Internal error',
    retryable: false,
    sdk: 'SignalboxError',
    remedy:
      'This is a bug. The service’s log says more under the request id. Whether the call took effect is not known.',
  },
  STORE_UNAVAILABLE: {
    status: 503,
    title: 'The store cannot be reached',
    retryable: true,
    sdk: 'UnavailableError',
    remedy:
      'Repeat the call with the same ids after `Retry-After`. Whether it took effect is not known. If it lasts, look after Redis.',
  },
  STORE_RECOVERING: {
    status: 503,
    title: 'The store lost data and recovers',
    retryable: true,
    sdk: 'UnavailableError',
    remedy:
      'Repeat the call after `Retry-After`. Until then leases from before the loss may still be held. Who holds one may work on to its deadline.',
  },
  OVERLOADED: {
    status: 503,
    title: 'Too much work',
    retryable: true,
    sdk: 'UnavailableError',
    remedy: 'Try again after `Retry-After`. If it lasts, start more replicas.',
  },
  SHUTTING_DOWN: {
    status: 503,
    title: 'This replica is stopping',
    retryable: true,
    sdk: 'UnavailableError',
    remedy: 'Repeat the call with the same ids at once. Another replica answers.',
  },
} as const satisfies Record<string, ErrorRow>

/** A code of the error table. */
export type ErrorCode = keyof typeof errorTable

/** The URN that names a code in a problem document, e.g. `urn:signalbox:error:permits-unavailable`. */
export function problemType(code: ErrorCode): string {
  return `urn:signalbox:error:${code.toLowerCase().replaceAll('_', '-')}`
}
