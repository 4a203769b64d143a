// Written by scripts/generate-wire.ts from @signalbox/protocol. Do not edit: run `npm run generate`.

export const sdkVersion = '0.1.0'

export const semaphoreNamePattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/

export const holderLengthMax = 256

/** Most calls of one batch. */
export const batchCallsMax = 128

/** The longest that a service holds a request open, ms. */
export const capMsMax = 25000

/** What each request of a longer wait asks for, ms: more than the cap, so that the cap ends it and the place is kept. */
export const sliceMs = 26000

/** Status, whether a retry helps, and the SDK's class, of every code the service answers with. */
export const errorTable = {
  INVALID_REQUEST: { status: 400, retryable: false, sdk: 'InvalidRequestError' },
  UNAUTHENTICATED: { status: 401, retryable: false, sdk: 'AuthenticationError' },
  FORBIDDEN: { status: 403, retryable: false, sdk: 'AuthenticationError' },
  SEMAPHORE_NOT_FOUND: { status: 404, retryable: false, sdk: 'NotFoundError' },
  ROUTE_NOT_FOUND: { status: 404, retryable: false, sdk: 'NotFoundError' },
  METHOD_NOT_ALLOWED: { status: 405, retryable: false, sdk: 'InvalidRequestError' },
  PAYLOAD_TOO_LARGE: { status: 413, retryable: false, sdk: 'InvalidRequestError' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, retryable: false, sdk: 'InvalidRequestError' },
  PERMITS_EXCEED_LIMIT: { status: 409, retryable: false, sdk: 'PermitsExceedLimitError' },
  LIMIT_CONFLICT: { status: 409, retryable: false, sdk: 'LimitConflictError' },
  LEASE_ID_CONFLICT: { status: 409, retryable: false, sdk: 'InvalidRequestError' },
  RELEASED_TOO_MANY_TIMES: { status: 409, retryable: false, sdk: 'ValueError' },
  SEMAPHORE_IN_USE: { status: 409, retryable: false, sdk: 'SignalboxError' },
  LEASE_NOT_HELD: { status: 410, retryable: false, sdk: 'LeaseLostError' },
  WAIT_CANCELLED: { status: 410, retryable: false, sdk: 'WaitCancelledError' },
  PERMITS_UNAVAILABLE: { status: 429, retryable: true, sdk: 'PermitsUnavailableError' },
  ACQUIRE_TIMEOUT: { status: 429, retryable: true, sdk: 'AcquireTimeoutError' },
  STILL_WAITING: { status: 429, retryable: true, sdk: 'StillWaitingError' },
  QUEUE_FULL: { status: 429, retryable: true, sdk: 'QueueFullError' },
  INTERNAL: { status: 500, retryable: false, sdk: 'SignalboxError' },
  STORE_UNAVAILABLE: { status: 503, retryable: true, sdk: 'UnavailableError' },
  STORE_RECOVERING: { status: 503, retryable: true, sdk: 'UnavailableError' },
  OVERLOADED: { status: 503, retryable: true, sdk: 'UnavailableError' },
  SHUTTING_DOWN: { status: 503, retryable: true, sdk: 'UnavailableError' },
} as const

/** A code of the error table. */
export type ServiceErrorCode = keyof typeof errorTable

/** Body of an acquire. */
export interface AcquireBody {
  leaseId?: string | undefined
  permits?: number | undefined
  ttlMs?: number | undefined
  waitMs?: number | undefined
  holder?: string | undefined
  create?: { limit: number; bounded?: boolean | undefined; onConflict?: 'keep' | 'error' | undefined } | undefined
}

/** Body of a release. */
export interface ReleaseBody {
  leaseId: string
  retire?: boolean | undefined
}

/** Body of a renew. */
export interface RenewBody {
  leaseId: string
  ttlMs: number
}

/** Body of a growing release. */
export interface AddPermitsBody {
  permits: number
  requestId: string
}

/** Body of a PUT. */
export interface ConfigureBody {
  limit: number
  bounded?: boolean | undefined
}

/** What a renew answers. */
export interface LeaseReply {
  state: 'held'
  leaseId: string
  semaphore: string
  permits: number
  fence: number
  ttlMs: number
  expiresInMs: number
  waitedMs: number
  expiresAt: string
}

/** What an acquire answers when the lease is held. */
export interface AcquireReply {
  state: 'held'
  leaseId: string
  semaphore: string
  permits: number
  fence: number
  ttlMs: number
  expiresInMs: number
  waitedMs: number
  expiresAt: string
  limitMismatch?: { limit: number } | undefined
}

/** What a release answers. */
export interface ReleaseReply {
  state: 'released' | 'cancelled'
  leaseId: string
  permits: number
}

/** One semaphore as the service sees it: `used` permits are held, `waiting` callers queue, the head of the queue for `oldestWaitMs`. */
export interface SemaphoreReply {
  name: string
  limit: number
  bounded: boolean
  used: number
  available: number
  waiting: number
  oldestWaitMs: number
}
