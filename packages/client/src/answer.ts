import * as errors from './errors.js'
import type { ErrorDetails } from './errors.js'
import type { FetchResponse } from './fetch.js'
import { isRecord } from './record.js'
import { errorTable, type ServiceErrorCode } from './wire.gen.js'

/** What became of one attempt. */
export type Answer =
  /** A 2xx with JSON. */
  | Accepted
  /** The service decided against it, or something else answered: sending it again is of no use. */
  | Refused
  /** No decision: no answer, or the service or its store is in trouble. Whether the request took effect is not known. */
  | Fault

export interface Accepted {
  readonly kind: 'accepted'
  readonly status: number
  readonly body: unknown
  readonly requestId: string | undefined
  /** The local monotonic clock, read before the request was sent, and when the reply had been read. */
  readonly sentAtMs: number
  readonly receivedAtMs: number
}

export interface Refused {
  readonly kind: 'refused'
  readonly error: errors.SignalboxError
  /** Of one that waits still: its place in the queue, 1 is next. */
  readonly position?: number | undefined
}

export interface Fault {
  readonly kind: 'fault'
  readonly error: errors.SignalboxError
  /** What the reply asked for. */
  readonly retryAfterMs: number | undefined
}

export function fault(error: errors.SignalboxError, retryAfterMs?: number): Fault {
  return { kind: 'fault', error, retryAfterMs }
}

const classes = {
  InvalidRequestError: errors.InvalidRequestError,
  AuthenticationError: errors.AuthenticationError,
  NotFoundError: errors.NotFoundError,
  PermitsExceedLimitError: errors.PermitsExceedLimitError,
  LimitConflictError: errors.LimitConflictError,
  ValueError: errors.ValueError,
  SignalboxError: errors.SignalboxError,
  LeaseLostError: errors.LeaseLostError,
  WaitCancelledError: errors.WaitCancelledError,
  PermitsUnavailableError: errors.PermitsUnavailableError,
  AcquireTimeoutError: errors.AcquireTimeoutError,
  // Never shown: the acquire goes on waiting.
  StillWaitingError: errors.SignalboxError,
  QueueFullError: errors.QueueFullError,
  UnavailableError: errors.UnavailableError,
} satisfies Record<
  (typeof errorTable)[ServiceErrorCode]['sdk'],
  new (message: string, details: ErrorDetails) => errors.SignalboxError
>

function isServiceCode(code: unknown): code is ServiceErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorTable, code)
}

// What proxies answer when the service behind them is away, restarting or slow, and when they limit a rate.
const proxyFaults: ReadonlySet<number> = new Set([408, 429, 502, 503, 504])

type Head = Pick<FetchResponse, 'status' | 'headers'>

/** What a response means. Never throws, whatever answered. */
export function answerOf(
  response: FetchResponse,
  text: string,
  times: { readonly sentAtMs: number; readonly receivedAtMs: number },
): Answer {
  return judged(response, jsonOf(text), times)
}

/**
 * What the 200 to a batch means to each of its calls. Of a reply that does not have exactly as many answers none is believed: nobody knows which are
 * whose.
 */
export function answersOf(
  response: FetchResponse,
  text: string,
  calls: number,
  times: { readonly sentAtMs: number; readonly receivedAtMs: number },
): Answer[] {
  const body = jsonOf(text)
  const answers: unknown[] = isRecord(body) && Array.isArray(body['answers']) ? body['answers'] : []
  return Array.from({ length: calls }, (_none, index) => {
    const own = answers.length === calls ? answers[index] : undefined
    if (!isRecord(own) || !Number.isInteger(own['status'])) return judged(response, undefined, times)
    return judged({ status: Number(own['status']), headers: response.headers }, own['body'], times)
  })
}

function judged(
  response: Head,
  body: unknown,
  times: { readonly sentAtMs: number; readonly receivedAtMs: number },
): Answer {
  const { status } = response
  const requestId = response.headers.get('x-request-id') ?? undefined
  if (status >= 200 && status < 300 && body !== undefined) {
    const { sentAtMs, receivedAtMs } = times
    return { kind: 'accepted', status, body, requestId, sentAtMs, receivedAtMs }
  }
  if (isRecord(body) && isServiceCode(body['code']) && errorTable[body['code']].status === status) {
    return problemAnswer(body['code'], body, requestId, retryAfterMsOf(body, response))
  }
  const error = new errors.SignalboxError(strangerText(response, body), {
    code: 'UNEXPECTED_REPLY',
    status,
    retryable: proxyFaults.has(status),
    requestId,
  })
  return proxyFaults.has(status) ? fault(error, retryAfterMsOf(body, response)) : { kind: 'refused', error }
}

function problemAnswer(
  code: ServiceErrorCode,
  problem: Readonly<Record<string, unknown>>,
  requestId: string | undefined,
  retryAfterMs: number | undefined,
): Answer {
  const { status, retryable, sdk } = errorTable[code]
  const detail = typeof problem['detail'] === 'string' ? problem['detail'] : code
  const error = new classes[sdk](detail + fieldText(problem['errors'], detail), {
    code,
    status,
    retryable,
    requestId: requestId ?? (typeof problem['requestId'] === 'string' ? problem['requestId'] : undefined),
  })
  // A ValueError is a SignalboxError by brand, and has all its members.
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
  return status === 503 ? fault(error, retryAfterMs) : { kind: 'refused', error, position: positionOf(problem) }
}

function positionOf({ position }: Readonly<Record<string, unknown>>): number | undefined {
  return Number.isSafeInteger(position) && Number(position) >= 1 ? Number(position) : undefined
}

/** The fields that a 400 names, where its detail does not say them. */
function fieldText(fields: unknown, said: string): string {
  if (!Array.isArray(fields)) return ''
  const named = fields
    .filter(isRecord)
    .filter(({ pointer, detail }) => typeof pointer === 'string' && typeof detail === 'string')
    .filter(({ detail }) => !said.includes(String(detail)))
    .map(({ pointer, detail }) => `${String(pointer)} ${String(detail)}`)
  return named.length === 0 ? '' : ` (${named.join('; ')})`
}

function strangerText(response: Head, body: unknown): string {
  const { status } = response
  const location = response.headers.get('location')
  if (status === 0 || (status >= 300 && status < 400)) {
    const to = location === null ? '' : ` to ${location}`
    return `Answered with a redirect${to}, which is not followed (it would carry the key elsewhere): set the client's url to the service itself`
  }
  if (isRecord(body) && typeof body['code'] === 'string')
    return `Answered ${status} with a code this SDK does not know: ${body['code']}`
  const type = response.headers.get('content-type') ?? 'no content type'
  return `Answered ${status} (${type}), which is not a Signalbox reply: is the client's url right, is there a proxy?`
}

function retryAfterMsOf(body: unknown, response: Head): number | undefined {
  if (isRecord(body) && typeof body['retryAfterMs'] === 'number' && body['retryAfterMs'] >= 0)
    return body['retryAfterMs']
  const seconds = response.headers.get('retry-after')
  return seconds !== null && /^\d{1,9}$/.test(seconds) ? Number(seconds) * 1_000 : undefined
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
