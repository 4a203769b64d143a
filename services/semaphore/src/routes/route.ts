import type { ErrorCode, Scope } from '@signalbox/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'

/** The path parameters of a route that has them; Ajv has seen to it that they are there. */
export interface PathParams {
  readonly name: string
  readonly fence: string
}

export interface RouteReply {
  readonly status: number
  readonly description: string
  /** Left out: no body, or one that is no JSON. */
  readonly schema?: z.ZodType
  readonly contentType?: string
  /** What else it may be, where the caller says what it likes. */
  readonly otherContentType?: string
  readonly example?: unknown
}

interface Definition<Body extends z.ZodType, Query extends z.ZodType> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** As OpenAPI writes it: `/v1/semaphores/{name}`. */
  readonly path: string
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly tag: 'leases' | 'semaphores' | 'service'
  /** Which scope a key needs; `any`: it only has to be known; null: open to all. */
  readonly scope: Scope | 'any' | null
  readonly body?: Body
  /** No body at all means all defaults. */
  readonly bodyOptional?: boolean
  readonly bodyExample?: unknown
  /** What OpenAPI says of the body, where the handler checks more of it than `body` does. */
  readonly bodyDocumented?: z.ZodType
  /** Largest body; left out: the service's. */
  readonly bodyBytesMax?: number
  readonly query?: Query
  /** Unknown query parameters are refused unless this says otherwise (health checks and scrapers add their own). */
  readonly anyQuery?: boolean
  /**
   * Whether it is turned away while the replica has too much to do. Not what makes that better (release, renew, an operator's change) or
   * tells of it (health, metrics).
   */
  readonly isShedFirst?: boolean
  readonly replies: readonly RouteReply[]
  /** Codes this route can answer with, besides those that every route shares. */
  readonly codes: readonly ErrorCode[]
  handle(
    request: FastifyRequest<{ Body: z.output<Body>; Querystring: z.output<Query>; Params: PathParams }>,
    reply: FastifyReply,
  ): unknown
}

/** One route: what OpenAPI says of it, what Fastify checks, and what it does. */
export interface Route extends Omit<Definition<z.ZodType, z.ZodType>, 'handle'> {
  handle(request: FastifyRequest, reply: FastifyReply): unknown
}

/**
 * Ties the handler's types to the schemas that the request is validated with. The handler is called by Fastify alone, after
 * validation, which is what makes the narrower request type true.
 */
export function defineRoute<Body extends z.ZodType = z.ZodUndefined, Query extends z.ZodType = z.ZodUndefined>(
  definition: Definition<Body, Query>,
): Route {
  // `handle` is a method, so that its parameter is compared bivariantly: what calls it has validated the request.
  return definition
}

/** Codes that any route of the API may answer with. */
export function sharedCodes(route: Route): ErrorCode[] {
  const codes: ErrorCode[] = ['INVALID_REQUEST', 'FORBIDDEN', 'INTERNAL']
  if (route.scope !== null) codes.push('UNAUTHENTICATED')
  if (route.method !== 'GET') codes.push('PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE')
  if (route.isShedFirst === true) codes.push('OVERLOADED')
  return codes
}

/** The codes of a route, each once. */
export function codesOf(route: Route): ErrorCode[] {
  return [...new Set([...sharedCodes(route), ...route.codes])]
}

export const storeCodes = ['STORE_UNAVAILABLE'] as const satisfies readonly ErrorCode[]

/** Names of the path's parameters. */
export function parametersOf(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '')
}
