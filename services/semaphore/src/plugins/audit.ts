import type { ErrorCode } from '@signalbox/protocol'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest, onSendHookHandler } from 'fastify'
import type { Route } from '../routes/route.js'
import { cleaned } from '../shown.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** What an operator's call asked for, found and changed, as far as it got. Numbers and truths, so never a lease id. */
    audited: Readonly<Record<string, number | boolean | null>> | null
    /** With what it was refused; null: it was not. */
    refusedWith: ErrorCode | null
  }
}

/**
 * Writes one line for each call of an operator's route, whatever became of it and whatever LOG_LEVEL says. When the reply is about to be
 * written: a caller who hangs up after the request must not go without a line, and nothing happens after that point which could change it.
 * Null: not an operator's route.
 */
export function auditOf(route: Route, log: FastifyBaseLogger): onSendHookHandler | null {
  if (route.scope !== 'admin') return null
  const lines = log.child({}, { level: 'info' })
  return (request, reply, payload, done) => {
    lines.info(lineOf(route.operationId, request, reply), 'audit')
    done(null, payload)
  }
}

function lineOf(operation: string, request: FastifyRequest, reply: FastifyReply): object {
  const { params } = request
  const nameOf = (parameter: string): unknown =>
    typeof params === 'object' && params !== null ? Reflect.get(params, parameter) : undefined
  const semaphore = String(nameOf('name'))
  const fence = nameOf('fence')
  return {
    audit: operation,
    key: request.keyName,
    // Where nothing was done it need not be a name: people put lease ids and keys into the wrong place.
    semaphore: reply.statusCode < 300 ? semaphore : cleaned(semaphore),
    ...(typeof fence === 'string' ? { fence: Number(fence) } : {}),
    ...request.audited,
    status: reply.statusCode,
    code: request.refusedWith,
    requestId: request.id,
    remoteAddress: request.ip,
  }
}
