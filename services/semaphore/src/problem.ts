import { errorTable, problemType, type ErrorCode } from '@signalbox/protocol'
import type { FastifyReply } from 'fastify'

/** One field that is wrong: a JSON pointer into the body, or `/name` for a parameter of path or query. */
export interface FieldError {
  readonly pointer: string
  readonly detail: string
}

/** The values that `detail` mentions, as members of the problem document. */
export interface ProblemValues {
  readonly retryAfterMs?: number
  readonly errors?: readonly FieldError[]
  readonly [member: string]: unknown
}

/** A refusal or fault that leaves as a problem document. `code` is taken: Fastify writes its own there. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly problem: ErrorCode
  readonly values: ProblemValues

  constructor(problem: ErrorCode, detail: string, values: ProblemValues = {}, options?: ErrorOptions) {
    super(detail, options)
    this.problem = problem
    this.values = values
  }
}

export const problemContentType = 'application/problem+json'

/** The RFC 9457 document as text. */
export function problemText(code: ErrorCode, detail: string, requestId: string, values: ProblemValues): string {
  const { status, title } = errorTable[code]
  return JSON.stringify({ type: problemType(code), title, status, code, detail, requestId, ...values })
}

/** Whole seconds, rounded up, so that nobody comes back before it makes sense. */
export function retryAfterSeconds(retryAfterMs: number): string {
  return String(Math.ceil(retryAfterMs / 1000))
}

/**
 * Sets status and headers and returns what the handler has to return. Busy is an everyday answer, so it is no exception: building a
 * stack for each would cost more than the answer. A buffer, because Fastify adds a charset, which problem+json does not have, to text.
 */
export function problemReply(reply: FastifyReply, code: ErrorCode, detail: string, values: ProblemValues = {}): Buffer {
  reply.request.refusedWith = code
  reply.code(errorTable[code].status).header('content-type', problemContentType)
  if (values.retryAfterMs !== undefined) reply.header('retry-after', retryAfterSeconds(values.retryAfterMs))
  if (code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer')
  if (code === 'SHUTTING_DOWN') reply.header('connection', 'close')
  return Buffer.from(problemText(code, detail, reply.request.id, values))
}
