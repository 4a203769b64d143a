import type { Scope } from '@signalbox/protocol'
import type { FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import type { ApiKey } from '../api-keys.js'
import type { KeyRing } from '../key-ring.js'
import { Problem, ProblemError } from '../problem.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The only names this caller reaches; empty: all. */
    keyPrefix: string
    /** The name of the key that was presented, whether or not it may do what it asks for; null: none that is known. */
    keyName: string | null
    /** What this caller may do; null: everything, as no key is asked for. */
    keyScopes: ReadonlySet<Scope> | null
  }
}

const loopbackHost = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i
const bearer = /^Bearer +([A-Za-z0-9._~+/=-]{1,256})$/i

/**
 * What every request must pass before it is even routed. Without keys the loopback address is the only protection, and a browser on
 * this machine is inside it: any web page may post to localhost (so Origin must be our own), and one whose name was rebound to
 * 127.0.0.1 may read the replies too (so Host must be loopback). Null: it may go on.
 *
 * `isForAnyone`: there are keys, or the wish to have none.
 */
export function screenRequest(request: FastifyRequest, isForAnyone: boolean): ProblemError | null {
  const { host, origin } = request.headers
  if (isForAnyone) {
    if (host !== undefined || request.raw.httpVersionMinor === 0) return null
    return new ProblemError('INVALID_REQUEST', 'The request has no Host header, which HTTP/1.1 requires.')
  }
  if (host === undefined || !loopbackHost.test(host)) {
    const detail =
      'Without API keys only requests to localhost are answered, and the Host header names another host: configure keys, or set SIGNALBOX_INSECURE=true.'
    return new ProblemError('FORBIDDEN', detail)
  }
  if (origin !== undefined && origin.toLowerCase() !== `${request.protocol}://${host.toLowerCase()}`) {
    return new ProblemError('FORBIDDEN', 'Without API keys no web page of another origin is answered.')
  }
  return null
}

/** The key that the request came with, as far as it is known now. */
export function presentedKey(request: FastifyRequest, keyRing: KeyRing): ApiKey | null {
  const presented = bearer.exec(request.headers.authorization ?? '')?.[1]
  return presented === undefined ? null : keyRing.find(presented)
}

type Guard = (request: FastifyRequest, reply: unknown, done: HookHandlerDoneFunction) => void

/**
 * Lets a request with a key of this scope pass (`any`: with a key that is known). A name outside the key's prefix is forbidden whether or not it exists, so the answer
 * says nothing about what does. Null: the route, or the whole service, is open.
 */
export function guardOf(scope: Scope | 'any' | null, keyRing: KeyRing): Guard | null {
  if (scope === null || !keyRing.isRequired) return null
  return (request, _reply, done) => {
    const key = presentedKey(request, keyRing)
    request.keyName = key?.name ?? null
    if (key === null) {
      const detail = 'The request needs an API key that this service knows: Authorization: Bearer <key>.'
      done(new ProblemError('UNAUTHENTICATED', detail))
    } else if (scope !== 'any' && !key.scopes.has(scope)) {
      done(new ProblemError('FORBIDDEN', `The API key has no scope "${scope}", which this call needs.`, { scope }))
    } else if (!withinPrefix(request.params, key.prefix)) {
      done(ProblemError.of(outsidePrefix()))
    } else {
      request.keyPrefix = key.prefix
      request.keyScopes = key.scopes
      done()
    }
  }
}

export function outsidePrefix(): Problem {
  return new Problem('FORBIDDEN', 'The API key is for names with another prefix.')
}

/** A route without a name (a listing, metrics) passes, and limits itself to the prefix. */
function withinPrefix(params: unknown, prefix: string): boolean {
  if (typeof params !== 'object' || params === null || !('name' in params)) return true
  return typeof params.name === 'string' && params.name.startsWith(prefix)
}
