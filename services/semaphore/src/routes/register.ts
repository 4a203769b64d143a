import { semaphoreName } from '@signalbox/protocol'
import type { FastifyBaseLogger, FastifyInstance, preValidationHookHandler } from 'fastify'
import { z } from 'zod'
import type { KeyRing } from '../key-ring.js'
import type { Load } from '../load.js'
import type { Metrics } from '../metrics.js'
import { guardOf } from '../plugins/access.js'
import { countAnswers } from '../plugins/answered.js'
import { auditOf } from '../plugins/audit.js'
import { shedding } from '../plugins/shedding.js'
import { ProblemError } from '../problem.js'
import { parametersOf, type Route } from './route.js'

const fence = z
  .string()
  .regex(/^[1-9][0-9]{0,15}$/)
  .describe("A lease's fence: a whole number above 0")

/** Schemas of path parameters, by their name. */
export const pathParameters: Readonly<Record<string, z.ZodType>> = { name: semaphoreName, fence }

/** As Fastify's Ajv reads it: what a caller may send (`input`) or will get (`output`). */
export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(schema, { target: 'draft-7', io })
}

/** What is seen to for every route. */
export interface RouteCare {
  readonly keyRing: KeyRing
  readonly metrics: Metrics
  readonly load: Load
  readonly log: FastifyBaseLogger
}

/** Puts the route into Fastify, with what its schemas, its scope and the metrics ask for. */
export function registerRoute(app: FastifyInstance, route: Route, { keyRing, metrics, load, log }: RouteCare): void {
  const query = route.anyQuery === true ? undefined : jsonSchemaOf(route.query ?? z.strictObject({}), 'input')
  const params = parametersOf(route.path)
  const guard = guardOf(route.scope, keyRing)
  const audit = auditOf(route, log)
  const { onSend, ...whenOver } = { onSend: undefined, ...countAnswers(route, metrics, log) }
  app.route({
    method: route.method,
    ...(route.bodyBytesMax === undefined ? {} : { bodyLimit: route.bodyBytesMax }),
    url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    schema: {
      ...(query === undefined ? {} : { querystring: query }),
      ...(params.length === 0 ? {} : { params: jsonSchemaOf(paramsSchema(params), 'input') }),
      ...(route.body === undefined ? {} : { body: jsonSchemaOf(route.body, 'input') }),
      response: Object.fromEntries(
        route.replies.flatMap(({ status, schema }) => (schema ? [[status, jsonSchemaOf(schema, 'output')]] : [])),
      ),
    },
    onRequest: [
      ...(guard === null ? [] : [guard]),
      // After the guard: strangers are told nothing, and their flood is not mistaken for the callers'.
      ...(route.isShedFirst === true ? [shedding(load, metrics.shed)] : []),
    ],
    onSend: [audit, onSend].filter((hook) => typeof hook === 'function'),
    ...whenOver,
    preValidation: [...bodyHooks(route), ...(route.query === undefined ? [] : [strictQuery(query?.properties ?? {})])],
    handler: (request, reply) => route.handle(request, reply),
  })
}

function paramsSchema(names: readonly string[]): z.ZodType {
  return z.object(Object.fromEntries(names.map((name) => [name, pathParameters[name] ?? z.string()])))
}

function bodyHooks(route: Route): preValidationHookHandler[] {
  if (route.bodyOptional === true) {
    return [
      (request, _reply, done) => {
        // Only a body that is not there: an explicit null is a value, and the wrong one.
        if (request.body === undefined) request.body = {}
        done()
      },
    ]
  }
  if (route.body !== undefined || route.method === 'GET') return []
  return [
    (request, _reply, done) => {
      const detail = 'This call takes no body: its parameters are in the path and the query.'
      done(request.body === undefined ? undefined : new ProblemError('INVALID_REQUEST', detail))
    },
  ]
}

/**
 * Queries are text, and Ajv does not coerce. So the text of a number or of a truth value becomes one here, exactly; whatever is not the
 * text of one stays as it is, for Ajv to refuse with the parameter's name. A parameter given twice is an array, and refused likewise.
 */
function strictQuery(properties: Record<string, z.core.JSONSchema._JSONSchema>): preValidationHookHandler {
  const typed = Object.entries(properties).flatMap(([name, schema]) =>
    typeof schema === 'object' && (schema.type === 'integer' || schema.type === 'boolean')
      ? [{ name, type: schema.type }]
      : [],
  )
  return (request, _reply, done) => {
    const { query } = request
    if (typeof query === 'object' && query !== null) {
      for (const { name, type } of typed) {
        const text: unknown = Reflect.get(query, name)
        if (typeof text !== 'string') continue
        if (type === 'integer' && /^[0-9]{1,15}$/.test(text)) Reflect.set(query, name, Number(text))
        if (type === 'boolean' && (text === 'true' || text === 'false')) Reflect.set(query, name, text === 'true')
      }
    }
    done()
  }
}
