import type { FastifyRequest } from 'fastify'
import { ProblemError } from '../problem.js'

/**
 * Reads a JSON body. Nothing at all is no body, whatever the content type says. Plain JSON.parse: a `__proto__` in the text becomes an
 * own property, which the schema refuses like any other field it does not know.
 */
export function readJson(
  _request: FastifyRequest,
  text: string | Buffer,
  done: (error: Error | null, body?: unknown) => void,
): void {
  let body: unknown
  try {
    if (text.length > 0) body = JSON.parse(String(text))
  } catch (error) {
    done(new ProblemError('INVALID_REQUEST', `The body is not valid JSON${placeOf(error)}.`))
    return
  }
  done(null, body)
}

/** Of what the parser says only the place: the rest repeats the body, and that may hold a lease id. */
function placeOf(error: unknown): string {
  const position = error instanceof Error ? /at position (\d+)/.exec(error.message)?.[1] : undefined
  return position === undefined ? '' : ` (at position ${position})`
}
