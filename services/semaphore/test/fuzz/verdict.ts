import { errorTable, problemType, type ErrorCode } from '@signalbox/protocol'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { operationsOf, type OpenApi, type Operation } from './operations.js'
import type { WireAnswer } from './wire.js'

/** Of every answer, by its method and path if they are known: null if nothing is wrong with it, or else what. */
export type Verdict = (
  answer: WireAnswer,
  asked: { readonly method: string; readonly target: string } | null,
) => string | null

const problemContentType = 'application/problem+json'
/** What any request may be told, whether or not its path is one. */
const anywhere = new Set<string>(['INVALID_REQUEST', 'FORBIDDEN', 'ROUTE_NOT_FOUND', 'METHOD_NOT_ALLOWED'])

interface ProblemBody {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ErrorCode
  readonly requestId: string
  readonly retryAfterMs?: number
}

export function verdictBy(document: OpenApi): Verdict {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  // Beside each schema, so that its references are found.
  const { components } = document
  const compile = (schema: object) => ajv.compile({ ...schema, components })
  const isProblem: ValidateFunction<ProblemBody> = ajv.compile({ $ref: '#/components/schemas/Problem', components })
  const operations = operationsOf(document).map((operation) =>
    judgeOf(operation, compile, (errors) => ajv.errorsText(errors)),
  )
  return (answer, asked) => {
    const wrong = commonWrongs(answer)
    if (wrong !== null) return wrong
    const known = asked === null ? undefined : operations.find((one) => one.isAsked(asked))
    // Nothing tells more of an answer without a body than its status and headers.
    if (asked?.method === 'HEAD') return null
    if (answer.status >= 400) {
      const problem: unknown = parsed(answer.body)
      if (!isProblem(problem)) return `no problem document: ${ajv.errorsText(isProblem.errors)}`
      const because = problemWrongs(problem, answer)
      if (because !== null) return because
      if (asked === null || anywhere.has(problem.code)) return null
      if (known === undefined) return `${problem.code} for a path that is none`
    } else if (asked !== null && known === undefined) {
      return `${answer.status} for a path that is none`
    }
    return known?.wrongs(answer) ?? null
  }
}

function commonWrongs({ status, headers }: WireAnswer): string | null {
  if (status >= 500 && status !== 503) return `status ${status}`
  if ((headers.get('x-request-id') ?? '').length === 0) return 'no X-Request-Id'
  if (headers.get('cache-control') !== 'no-store') return `Cache-Control: ${String(headers.get('cache-control'))}`
  if (status >= 400 && headers.get('content-type') !== problemContentType)
    return `Content-Type: ${String(headers.get('content-type'))}`
  return null
}

function problemWrongs(problem: ProblemBody, { status, headers }: WireAnswer): string | null {
  const row = errorTable[problem.code]
  if (row.status !== status || problem.status !== status) return `${problem.code} with status ${status}`
  if (problem.type !== problemType(problem.code) || problem.title !== row.title) return 'type or title of another code'
  if (problem.requestId !== headers.get('x-request-id')) return 'requestId is not X-Request-Id'
  const retryAfter = headers.get('retry-after')
  if (row.retryable !== (retryAfter !== undefined)) return `Retry-After: ${String(retryAfter)}`
  if (retryAfter !== undefined && Number(retryAfter) !== Math.ceil((problem.retryAfterMs ?? NaN) / 1_000))
    return 'Retry-After is not retryAfterMs'
  if (status === 401 && headers.get('www-authenticate') !== 'Bearer') return 'no WWW-Authenticate'
  if (status === 405 && headers.get('allow') === undefined) return 'no Allow'
  return null
}

/** What no schema can say of the answers of a batch. */
function batchWrongs(body: unknown): string | null {
  if (typeof body !== 'object' || body === null || !('answers' in body) || !Array.isArray(body.answers)) return null
  for (const { status, body: own } of body.answers as { status: number; body: Partial<ProblemBody> }[]) {
    const expected = own.code === undefined ? 200 : errorTable[own.code].status
    if (status !== expected || (status >= 500 && status !== 503)) return `an answer with status ${status}`
  }
  return null
}

interface Judge {
  isAsked(asked: { readonly method: string; readonly target: string }): boolean
  wrongs(answer: WireAnswer): string | null
}

function judgeOf(
  { method, path, responses }: Operation,
  compile: (schema: object) => ValidateFunction,
  textOf: (errors: ValidateFunction['errors']) => string,
): Judge {
  const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]*')}$`)
  const validators = new Map<string, ValidateFunction | null>()
  for (const [status, { content = {} }] of Object.entries(responses)) {
    for (const [type, { schema }] of Object.entries(content)) {
      validators.set(`${status} ${type}`, schema === undefined ? null : compile(schema))
    }
    if (Object.keys(content).length === 0) validators.set(`${status} `, null)
  }
  return {
    isAsked: (asked) => asked.method === method && pattern.test(pathOf(asked.target)),
    wrongs({ status, headers, body }) {
      const type = (headers.get('content-type') ?? '').replace(/;.*/, '')
      const validate = validators.get(`${status} ${type}`)
      if (validate === undefined) return `${status} with ${type} is not in the document`
      if (validate === null) return null
      if (validate(parsed(body))) return batchWrongs(parsed(body))
      return `off the schema: ${textOf(validate.errors)}`
    },
  }
}

/** As the router reads it. */
function pathOf(target: string): string {
  const path = target.replace(/^https?:\/\/[^/]*/, '').replace(/[?#].*/s, '')
  try {
    return decodeURI(path)
  } catch {
    return path
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
