import type { ErrorCode } from '@signalbox/client'

/** What the command line ends with when it is not the child's own code: sysexits.h where that has a word, and a shell's 126 and 127. */
export const exitCodes = {
  ok: 0,
  usage: 64,
  refused: 65,
  notFound: 66,
  unavailable: 69,
  internal: 70,
  notGranted: 75,
  unexpectedReply: 76,
  noPermission: 77,
  misconfigured: 78,
  leaseLost: 79,
  notExecutable: 126,
  commandNotFound: 127,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** For `--help` and the README, where a test looks for each. */
export const exitCodeMeanings: Readonly<Record<ExitCode, string>> = {
  0: 'done; of `run`: the command ended with 0 (its own exit code is passed on)',
  64: 'wrong usage: an option, a name, a duration',
  65: 'refused, and would be again: more permits than the limit',
  66: 'there is no such semaphore, or no such lease',
  69: 'the service, or its store, is down',
  70: 'a bug, or the output could not be written, or the process that minds the child was killed',
  75: 'not granted: busy, waited in vain, the queue is full; or `rm` of one in use. Try again later',
  76: 'what answers is not a Signalbox service',
  77: 'the key is missing, wrong, or may not do this',
  78: '`doctor` found something to set right',
  79: 'the lease was lost while the command ran: it was ended',
  126: 'the command cannot be executed',
  127: 'the command was not found',
}

const byCode: Readonly<Record<ErrorCode, ExitCode>> = {
  INVALID_REQUEST: exitCodes.usage,
  INVALID_VALUE: exitCodes.usage,
  METHOD_NOT_ALLOWED: exitCodes.unexpectedReply,
  PAYLOAD_TOO_LARGE: exitCodes.refused,
  UNSUPPORTED_MEDIA_TYPE: exitCodes.unexpectedReply,
  UNAUTHENTICATED: exitCodes.noPermission,
  FORBIDDEN: exitCodes.noPermission,
  SEMAPHORE_NOT_FOUND: exitCodes.notFound,
  ROUTE_NOT_FOUND: exitCodes.unexpectedReply,
  PERMITS_EXCEED_LIMIT: exitCodes.refused,
  LIMIT_CONFLICT: exitCodes.refused,
  LEASE_ID_CONFLICT: exitCodes.refused,
  RELEASED_TOO_MANY_TIMES: exitCodes.refused,
  SEMAPHORE_IN_USE: exitCodes.notGranted,
  LEASE_NOT_HELD: exitCodes.notFound,
  WAIT_CANCELLED: exitCodes.notGranted,
  PERMITS_UNAVAILABLE: exitCodes.notGranted,
  ACQUIRE_TIMEOUT: exitCodes.notGranted,
  STILL_WAITING: exitCodes.notGranted,
  QUEUE_FULL: exitCodes.notGranted,
  INTERNAL: exitCodes.internal,
  STORE_UNAVAILABLE: exitCodes.unavailable,
  STORE_RECOVERING: exitCodes.unavailable,
  OVERLOADED: exitCodes.unavailable,
  SHUTTING_DOWN: exitCodes.unavailable,
  UNREACHABLE: exitCodes.unavailable,
  UNEXPECTED_REPLY: exitCodes.unexpectedReply,
  CLIENT_CLOSED: exitCodes.internal,
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(byCode, code)
}

export function exitCodeOf(code: ErrorCode): ExitCode {
  return byCode[code]
}

/** Something that the user is told in one sentence. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly exitCode: ExitCode

  constructor(message: string, exitCode: ExitCode, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}
