import { errorTable, problemReply, problemType, scopes, type ErrorCode } from '@signalbox/protocol'
import { z } from 'zod'
import { pathParameters } from './routes/register.js'
import { codesOf, parametersOf, type Route } from './routes/route.js'

type Json = Record<string, unknown>

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const json: Json = z.toJSONSchema(schema, { io })
  delete json['$schema'] // The document says the dialect once, for all.
  return json
}

/** Replies carry these whatever they are. */
const commonHeaders = {
  'X-Request-Id': { description: "The caller's, if it is sane, else a new one", schema: { type: 'string' } },
}

/** The OpenAPI 3.1 document, made from the routes that are served and the schemas that they check. */
export function openApiDocument(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {}
  for (const route of routes)
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Signalbox',
      version: '1',
      summary: 'A distributed semaphore service: at most N at once, on any number of machines.',
      description:
        'Only a 200 of acquire means held. Durations are in milliseconds; the clock that decides is the store’s.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [
      { name: 'leases', description: 'Holding permits, and waiting for them' },
      { name: 'semaphores', description: 'The semaphores themselves' },
      { name: 'service', description: 'The service itself' },
    ],
    paths,
    components: {
      schemas: { Problem: schemaOf(problemReply, 'output') },
      securitySchemes: {
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          description: `An API key, with scopes (${scopes.join(', ')}) and perhaps a prefix of names. A service without keys needs none.`,
        },
      },
    },
  }
}

function operation(route: Route): Json {
  const parameters = [...pathParametersOf(route), ...queryParametersOf(route)]
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    tags: [route.tag],
    security: route.scope === null ? [] : [{ apiKey: route.scope === 'any' ? [] : [route.scope] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: requestBody(route, route.bodyDocumented ?? route.body) }),
    responses: { ...successes(route), ...problems(codesOf(route)) },
  }
}

function requestBody(route: Route, body: z.ZodType): Json {
  const example = route.bodyExample === undefined ? {} : { example: route.bodyExample }
  return {
    required: route.bodyOptional !== true,
    content: { 'application/json': { schema: schemaOf(body, 'input'), ...example } },
  }
}

function pathParametersOf(route: Route): Json[] {
  return parametersOf(route.path).map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: schemaOf(pathParameters[name] ?? z.string(), 'input'),
  }))
}

function queryParametersOf(route: Route): Json[] {
  if (route.query === undefined) return []
  const { properties = {} } = z.toJSONSchema(route.query, { io: 'input' })
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }))
}

function successes(route: Route): Json {
  return Object.fromEntries(
    route.replies.map(({ status, description, schema, contentType, otherContentType, example }) => {
      const media = {
        ...(schema === undefined ? {} : { schema: schemaOf(schema, 'output') }),
        ...(example === undefined ? {} : { example }),
      }
      const type = contentType ?? (schema === undefined ? undefined : 'application/json')
      const types = [type, otherContentType].filter((one) => one !== undefined)
      const content = types.length === 0 ? {} : { content: Object.fromEntries(types.map((one) => [one, media])) }
      return [status, { description, headers: commonHeaders, ...content }]
    }),
  )
}

/** One response per status; the codes that share it are told apart by `code`, with an example each. */
function problems(codes: readonly ErrorCode[]): Json {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of codes) {
    const { status } = errorTable[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  return Object.fromEntries([...byStatus].map(([status, sharing]) => [status, problemResponse(sharing)]))
}

function problemResponse(codes: readonly ErrorCode[]): Json {
  const retryable = codes.some((code) => errorTable[code].retryable)
  const schema = {
    allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: codes } } }],
  }
  const examples = Object.fromEntries(codes.map((code) => [code, { value: exampleProblem(code) }]))
  const retryAfter = { description: 'Whole seconds', schema: { type: 'integer', minimum: 0 } }
  return {
    description: codes.map((code) => `${code}: ${errorTable[code].title}`).join(' · '),
    headers: {
      ...commonHeaders,
      ...(retryable ? { 'Retry-After': retryAfter } : {}),
      ...(codes.includes('UNAUTHENTICATED') ? { 'WWW-Authenticate': { schema: { type: 'string' } } } : {}),
    },
    content: { 'application/problem+json': { schema, examples } },
  }
}

function exampleProblem(code: ErrorCode): Json {
  const { status, title, retryable } = errorTable[code]
  return {
    type: problemType(code),
    title,
    status,
    code,
    detail: `${title}.`,
    requestId: '0f8fad5b-d9cb-469f-a165-70867728950e',
    ...(retryable ? { retryAfterMs: code === 'SHUTTING_DOWN' ? 0 : 1_000 } : {}),
  }
}
