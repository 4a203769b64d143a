export { BoundedSemaphore } from './bounded-semaphore.js'
export { SignalboxClient, type ListOptions } from './client.js'
export type { Clock } from './clock.js'
export { closeDefaultClient } from './connection.js'
export {
  AcquireTimeoutError,
  AuthenticationError,
  InvalidRequestError,
  LeaseLostError,
  LimitConflictError,
  NotFoundError,
  PermitsExceedLimitError,
  PermitsUnavailableError,
  QueueFullError,
  SignalboxError,
  UnavailableError,
  ValueError,
  WaitCancelledError,
  type ErrorCode,
  type ErrorDetails,
} from './errors.js'
export type { Logger, SignalboxEvent } from './events.js'
export type { Fetch, FetchReader, FetchRequest, FetchResponse } from './fetch.js'
export type { Lease } from './lease.js'
export type { AcquireOptions, AdoptOptions, SemaphoreOptions, TryAcquireOptions } from './options.js'
export { Semaphore, type SemaphoreState, type Work } from './semaphore.js'
export type { ClientOptions } from './settings.js'
export type { OpenTelemetry, TelemetrySpan } from './telemetry.js'
