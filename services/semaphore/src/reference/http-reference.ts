import { errorTable } from '@signalbox/protocol'
import { pathParameters } from '../routes/register.js'
import { codesOf, parametersOf, type Route } from '../routes/route.js'
import { type Block, code, heading, table, text } from './block.js'
import { errorCodes } from './error-codes.js'
import { fieldRows } from './fields.js'
import { z } from 'zod'

const fieldHead = ['name', 'what it may be', '', 'meaning']

/** The HTTP API for people, from the same list of routes as the OpenAPI document, and as those that are served. */
export function httpReference(routes: readonly Route[]): Block[] {
  return [
    heading(1, 'HTTP'),
    text(
      'JSON in and out; durations in ms; the clock that decides is the store’s. Only a 200 of acquire means held. A request names its key as `Authorization: Bearer KEY`, where the service has keys. Unknown fields and wrong types are refused, and nothing is coerced.',
    ),
    text(
      'Every error is `application/problem+json` with a `code`; those that may go away by themselves carry `Retry-After`. What to do about each is at the end. For programs: `GET /openapi.json`.',
    ),
    ...routes.flatMap(routeBlocks),
    heading(2, 'Error codes'),
    errorCodes(),
  ]
}

function routeBlocks(route: Route): Block[] {
  const parameters = parametersOf(route.path)
  const path = z.object(Object.fromEntries(parameters.map((name) => [name, pathParameters[name] ?? z.string()])))
  return [
    heading(2, `${route.method} ${route.path}`),
    text(`${route.summary}. ${scopeText(route)}`),
    ...(route.description === undefined ? [] : [text(route.description)]),
    ...(parameters.length === 0 ? [] : [heading(3, 'In the path'), table(fieldHead, fieldRows(path, 'input'))]),
    ...(route.query === undefined ? [] : [heading(3, 'Query'), table(fieldHead, fieldRows(route.query, 'input'))]),
    ...bodyBlocks(route),
    heading(3, 'Answers'),
    table(['status', 'code', ''], [...replyRows(route), ...problemRows(route)]),
    ...route.replies.flatMap(replyBlocks),
  ]
}

function scopeText({ scope }: Route): string {
  if (scope === null) return 'Open to all.'
  return scope === 'any' ? 'Needs a key, of any scope.' : `Needs a key with the scope \`${scope}\`.`
}

function bodyBlocks(route: Route): Block[] {
  if (route.body === undefined) return []
  return [
    heading(3, route.bodyOptional === true ? 'Body (none at all: every default)' : 'Body'),
    table(fieldHead, fieldRows(route.body, 'input')),
    ...(route.bodyExample === undefined ? [] : [code(JSON.stringify(route.bodyExample, null, 2))]),
  ]
}

function replyRows(route: Route): string[][] {
  return route.replies.map(({ status, description }) => [String(status), '', description])
}

function problemRows(route: Route): string[][] {
  return codesOf(route)
    .map((one) => ({ one, ...errorTable[one] }))
    .sort((a, b) => a.status - b.status)
    .map(({ one, status, title, retryable }) => [
      String(status),
      `\`${one}\``,
      `${title}${retryable ? '; may be tried again' : ''}`,
    ])
}

function replyBlocks({ status, schema, example }: Route['replies'][number]): Block[] {
  const rows = schema === undefined ? [] : fieldRows(schema, 'output')
  if (rows.length === 0) return []
  return [
    heading(3, `Answer ${status}`),
    table(fieldHead, rows),
    ...(example === undefined ? [] : [code(JSON.stringify(example, null, 2))]),
  ]
}
