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

/** What a call is answered with that has not succeeded. Busy is an everyday answer, so it is no error: a stack for each would cost more than it. */
export class Problem {
  readonly code: ErrorCode
  readonly detail: string
  readonly values: ProblemValues

  constructor(code: ErrorCode, detail: string, values: ProblemValues = {}) {
    this.code = code
    this.detail = detail
    this.values = values
  }

  get status(): number {
    return errorTable[this.code].status
  }

  /** The RFC 9457 document. */
  text(requestId: string): string {
    const { code, detail, status, values } = this
    const { title } = errorTable[code]
    return JSON.stringify({ type: problemType(code), title, status, code, detail, requestId, ...values })
  }
}

/** A refusal or fault that leaves as a problem document. Not `code`, which Fastify writes on errors. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly problem: Problem

  static of({ code, detail, values }: Problem): ProblemError {
    return new ProblemError(code, detail, values)
  }

  constructor(code: ErrorCode, detail: string, values: ProblemValues = {}, options?: ErrorOptions) {
    super(detail, options)
    this.problem = new Problem(code, detail, values)
  }
}

export const problemContentType = 'application/problem+json'

/** Whole seconds, rounded up, so that nobody comes back before it makes sense. */
export function retryAfterSeconds(retryAfterMs: number): string {
  return String(Math.ceil(retryAfterMs / 1000))
}

/**
 * Sets status and headers and returns what the handler has to return: a buffer, because Fastify adds a charset, which problem+json does not have,
 * to text.
 */
export function problemReply(reply: FastifyReply, problem: Problem): Buffer {
  const { code, values } = problem
  reply.request.refusedWith = code
  reply.code(problem.status).header('content-type', problemContentType)
  if (values.retryAfterMs !== undefined) reply.header('retry-after', retryAfterSeconds(values.retryAfterMs))
  if (code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer')
  if (code === 'SHUTTING_DOWN') reply.header('connection', 'close')
  return Buffer.from(problem.text(reply.request.id))
}

/** What a handler returns for what came of its call. */
export function replyOf<Body extends object>(reply: FastifyReply, answer: Body | Problem): Body | Buffer {
  return answer instanceof Problem ? problemReply(reply, answer) : answer
}
