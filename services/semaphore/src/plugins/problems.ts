import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { InvalidCursorError, StoreRecoveringError, StoreUnavailableError } from '@signalbox/engine'
import { errorTable } from '@signalbox/protocol'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import { invalidField } from '../invalid-request.js'
import type { OpenAttempts } from '../open-attempts.js'
import { Problem, ProblemError, problemContentType, problemReply } from '../problem.js'
import { shown } from '../shown.js'

/** How long a caller whose call met no store should wait: the store's client reconnects within about as long. */
const storeRetryMs = 1_000

/** Answers with the problem of whatever was thrown. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: FastifyBaseLogger): void {
  void reply.send(problemReply(reply, problemOf(error, request, log)))
}

/** What it does not know is a bug: all of it to the log, none to the wire. */
export function problemOf(error: unknown, request: FastifyRequest, log: FastifyBaseLogger): Problem {
  const known = knownProblem(error, request)
  if (known !== null) return known
  log.error({ err: error, requestId: request.id, method: request.method, url: request.routeOptions.url }, 'bug')
  return new Problem('INTERNAL', `The service has a bug; its log says more about the request id ${request.id}.`)
}

function knownProblem(error: unknown, request: FastifyRequest): Problem | null {
  if (error instanceof ProblemError) return error.problem
  if (error instanceof StoreRecoveringError) {
    const { guardMs } = error
    const detail = `The store lost its data, and leases granted before may still be held: nothing is granted for another ${guardMs} ms.`
    return new Problem('STORE_RECOVERING', detail, { retryAfterMs: guardMs })
  }
  if (error instanceof StoreUnavailableError) {
    const detail = 'The store did not answer. Whether the call took effect is not known: repeat it with the same ids.'
    return new Problem('STORE_UNAVAILABLE', detail, { retryAfterMs: storeRetryMs })
  }
  if (error instanceof InvalidCursorError) {
    return invalidField('/cursor', 'The query parameter "cursor" must be the nextCursor of a page of this list').problem
  }
  return error instanceof Error && 'code' in error ? frameworkProblem(String(error.code), request) : null
}

/** What Fastify itself refuses. */
function frameworkProblem(code: string, request: FastifyRequest): Problem | null {
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE': {
      const given = request.headers['content-type']
      const instead = given === undefined ? 'and the request does not say what it is' : `not ${shown(given)}`
      const detail = `The body must be application/json, ${instead}; with curl, send it by curl --json.`
      return new Problem('UNSUPPORTED_MEDIA_TYPE', detail)
    }
    case 'FST_ERR_CTP_BODY_TOO_LARGE': {
      const { bodyLimit: bodyBytesMax } = request.routeOptions
      return new Problem('PAYLOAD_TOO_LARGE', `The body is larger than ${bodyBytesMax} bytes.`, { bodyBytesMax })
    }
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new Problem('INVALID_REQUEST', 'The body is not as long as Content-Length says.')
    case 'FST_ERR_BAD_URL':
      return new Problem('INVALID_REQUEST', 'The path has a percent sign that begins no valid UTF-8 escape.')
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return invalidField('/name', 'A part of the path is longer than any name can be').problem
    case 'ECONNRESET':
      // The caller went away while its body was read: nobody will read this, and it is nobody's bug.
      return new Problem('INVALID_REQUEST', 'The connection closed before the body was there.')
    default:
      return null
  }
}

/** The one header that Node would refuse by itself, without a problem document. */
export function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const requestId = randomUUID()
  const problem = new Problem('INVALID_REQUEST', 'The header Expect may say 100-continue, nothing else.')
  const body = problem.text(requestId)
  response.writeHead(errorTable.INVALID_REQUEST.status, {
    'content-type': problemContentType,
    'content-length': Buffer.byteLength(body),
    'x-request-id': requestId,
    'cache-control': 'no-store',
    connection: 'close',
  })
  response.end(body)
}

/**
 * Says 100 Continue, unless answers to earlier requests of the connection are still due: Node would put it between head and body of this
 * request's own answer. Who is not told sends the body after a moment all the same (RFC 9110 asks for it).
 */
export function sayContinue(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (response.socket !== null) response.writeContinue()
    server.emit('request', request, response)
  })
}

const clientErrors: Readonly<Record<string, string>> = {
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'The extensions of a chunk are larger than 16 KiB.',
  HPE_HEADER_OVERFLOW: 'The headers (or the URL) are larger than 16 KiB.',
}

/**
 * What Node's parser says of bytes that it understood as far as being meant for HTTP. Else nobody would read the answer (a TLS handshake), or it
 * would be the wrong one: ERR_HTTP_REQUEST_TIMEOUT also comes to those whose request lay here, right and whole, while this process was
 * stopped or blocked. A 400 told them never to try that again; a connection that is closed tells them what is the case.
 */
const isOfHttp = (code = '') => code.startsWith('HPE_')

/**
 * Answers bytes that are no HTTP request. When an acquire is waiting on the same connection (pipelined), the answer would be taken for
 * the waiting one's: then the connection is only closed.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, openAttempts: OpenAttempts): void {
  if (!isOfHttp(error.code) || !socket.writable || openAttempts.waitOn(socket)) {
    socket.destroy()
    return
  }
  const requestId = randomUUID()
  const detail = clientErrors[error.code ?? ''] ?? 'The request is not valid HTTP.'
  const body = new Problem('INVALID_REQUEST', detail).text(requestId)
  const head = [
    `HTTP/1.1 ${errorTable.INVALID_REQUEST.status} Bad Request`,
    `Content-Type: ${problemContentType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Cache-Control: no-store',
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}
