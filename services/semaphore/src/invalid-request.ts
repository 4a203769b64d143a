import type { FastifySchemaValidationError } from 'fastify'
import { ProblemError, type FieldError } from './problem.js'
import { cleaned, shown } from './shown.js'

/** A body of 16 KiB has room for thousands of unknown fields; nobody reads more errors than this. */
const errorsMax = 8

/** What Ajv adds in its verbose mode. */
interface Verbose extends FastifySchemaValidationError {
  readonly data?: unknown
  readonly parentSchema?: { readonly description?: string; readonly minimum?: number; readonly maximum?: number }
}

const nouns: Readonly<Record<string, string>> = {
  body: 'field',
  querystring: 'query parameter',
  params: 'path parameter',
}

/** Capabilities are named in an error, never repeated. */
const secretFields = new Set(['/leaseId', '/requestId'])

/** The refusal for what Ajv found: every field named, with its value and what it may be. */
export function invalidRequest(errors: readonly FastifySchemaValidationError[], place: string): ProblemError {
  const noun = nouns[place] ?? 'field'
  const shownErrors = errors.slice(0, errorsMax).map((error) => fieldError(error, noun, place))
  const [first] = shownErrors
  const more =
    errors.length > 1
      ? `; ${shownErrors[1]?.detail ?? ''}${errors.length > 2 ? ` (and ${errors.length - 2} more)` : ''}`
      : ''
  return new ProblemError('INVALID_REQUEST', `${first?.detail ?? 'The request is not valid'}${more}.`, {
    errors: shownErrors,
  })
}

/** The refusal for one field that no schema can judge. */
export function invalidField(pointer: string, detail: string): ProblemError {
  return new ProblemError('INVALID_REQUEST', `${detail}.`, { errors: [{ pointer, detail }] })
}

function fieldError(error: Verbose, noun: string, place: string): FieldError {
  const { keyword, params } = error
  if (keyword === 'additionalProperties') {
    const name = String(params['additionalProperty'])
    // A lease id or a key is sometimes sent as a name (`?<key>`): the pointer then leads nowhere, and repeats nothing.
    const pointer = `${error.instancePath}/${escapePointer(cleaned(name)).slice(0, 128)}`
    return { pointer, detail: `There is no ${noun} ${shown(name)}` }
  }
  if (keyword === 'required') {
    const name = String(params['missingProperty'])
    return { pointer: `${error.instancePath}/${name}`, detail: `The ${noun} "${name}" is missing` }
  }
  if (secretFields.has(error.instancePath)) {
    const sent = typeof error.data === 'string' ? `a string of ${error.data.length} characters` : typeof error.data
    return {
      pointer: error.instancePath,
      detail: `The ${noun} "${error.instancePath.slice(1)}" must be a UUID, 36 characters in quotes, not ${sent}`,
    }
  }
  const value = shown(error.data)
  const may = allowed(error, place)
  if (error.instancePath === '') {
    return { pointer: '', detail: `The ${place === 'body' ? 'body' : noun} must be ${may}, not ${value}` }
  }
  return {
    pointer: error.instancePath,
    detail: `The ${noun} "${error.instancePath.slice(1)}" must be ${may}, not ${value}`,
  }
}

function allowed({ keyword, params, parentSchema }: Verbose, place: string): string {
  const { minimum, maximum, description } = parentSchema ?? {}
  const numeric = keyword === 'minimum' || keyword === 'maximum' || params['type'] === 'integer'
  if (numeric && minimum !== undefined && maximum !== undefined) return `a whole number from ${minimum} to ${maximum}`
  switch (keyword) {
    case 'type':
      if (params['type'] === 'boolean' && place === 'querystring') return 'true or false'
      return `of type ${String(params['type'])}`
    case 'enum':
      return `one of ${JSON.stringify(params['allowedValues'])}`
    case 'maxLength':
      return `at most ${String(params['limit'])} characters long`
    case 'minItems':
      return `an array of ${String(params['limit'])} or more`
    case 'maxItems':
      return `an array of at most ${String(params['limit'])}`
    case 'pattern':
      return description === undefined ? `like ${String(params['pattern'])}` : `valid (${description})`
    default:
      return `valid (${keyword})`
  }
}

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
