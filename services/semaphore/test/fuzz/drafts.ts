import fc from 'fast-check'
import type { Operation } from './operations.js'
import { valuesOf } from './schema-values.js'
import type { WireRequest } from './wire.js'

/** A request whose parts can still be changed one by one. */
export interface Draft {
  readonly method: string
  readonly segments: readonly string[]
  /** With its question mark. */
  readonly query: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Names and JSON texts: not an object, which would have no key twice and no number that is none. */
  readonly fields: readonly (readonly [name: string, json: string])[] | null
  /** Instead of the fields. */
  readonly text: Buffer | null
  readonly chunkSizes: readonly number[] | null
}

export function wireOf({ method, segments, query, headers, fields, text, chunkSizes }: Draft): WireRequest {
  const members = fields?.map(([name, json]) => `"${name}":${json}`)
  const body = text ?? (members === undefined ? null : Buffer.from(`{${members.join(',')}}`))
  return {
    method,
    target: `/${segments.join('/')}${query}`,
    headers,
    body,
    chunkSizes: body === null ? null : chunkSizes,
  }
}

/** A request that the document allows. `authorizations`: what may be said in that header; none: there is no such header. */
export function validDrafts(operation: Operation, authorizations: readonly string[]): fc.Arbitrary<Draft> {
  const { parameters = [], requestBody } = operation
  const inPath = Object.fromEntries(
    parameters.filter((one) => one.in === 'path').map(({ name, schema }) => [name, valuesOf(schema)]),
  )
  const inQuery = Object.fromEntries(
    parameters.filter((one) => one.in === 'query').map(({ name, schema }) => [name, valuesOf(schema)]),
  )
  const given = requestBody === undefined ? fc.constant(null) : valuesOf(requestBody.content['application/json'].schema)
  const body = requestBody?.required === false ? fc.option(given, { freq: 9 }) : given
  const credentials = authorizations.length === 0 ? fc.constant(null) : fc.constantFrom(...authorizations)
  return fc
    .record({ path: fc.record(inPath), query: fc.record(inQuery, { requiredKeys: [] }), body, credentials })
    .map(({ path, query, body: value, credentials: authorization }) => ({
      method: operation.method,
      segments: segmentsOf(operation.path, path),
      query: queryOf(query),
      headers: [
        ['Host', 'localhost'] as const,
        ...(value === null ? [] : [['Content-Type', 'application/json'] as const]),
        ...(authorization === null ? [] : [['Authorization', authorization] as const]),
      ],
      fields: value === null ? null : fieldsOf(value),
      text: null,
      chunkSizes: null,
    }))
}

function segmentsOf(path: string, values: Readonly<Record<string, unknown>>): string[] {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_match, name: string) => encodeURIComponent(String(values[name])))
  return filled.slice(1).split('/')
}

function queryOf(values: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(values).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

function fieldsOf(value: unknown): [string, string][] {
  if (typeof value !== 'object' || value === null) throw new Error('a body that is no object')
  return Object.entries(value).map(([name, one]) => [name, JSON.stringify(one)])
}
