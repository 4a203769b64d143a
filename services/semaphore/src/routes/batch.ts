import type { Attempt } from '@signalbox/engine'
import {
  batchReply,
  type AcquireReply,
  type BatchReply,
  type LeaseReply,
  type ReleaseReply,
  type RequestOf,
} from '@signalbox/protocol'
import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { invalidRequest } from '../invalid-request.js'
import { outsidePrefix } from '../plugins/access.js'
import { problemOf } from '../plugins/problems.js'
import { tooMuch } from '../plugins/shedding.js'
import { Problem } from '../problem.js'
import { acquireAnswer, acquireRequestOf, exampleLease } from './acquire.js'
import type { RouteContext } from './context.js'
import { release, renew } from './lease-calls.js'
import { jsonSchemaOf } from './register.js'
import { defineRoute, type Route } from './route.js'

/** Room for a batch of calls with names and holders of usual length. */
const bodyFactor = 8

type Call = RequestOf<'unopenedBatch'>['calls'][number]

/** What came of one call. Null: its connection is gone, there is nobody to answer. */
type Answer = AcquireReply | ReleaseReply | LeaseReply | Problem | null

const description = `Each call is what its plain route takes, with \`call\` and \`semaphore\`; each answer is the status and body that route would have given, in the order of the calls. All begin at once, and a caller may rely on no order among them.

Nothing waits: an acquire with \`waitMs\` that is not granted at once takes its place in the queue and is answered 429 STILL_WAITING. Make the plain call with the same leaseId to keep the place, and to be told of the grant.

A 200 says that there are answers, and nothing of what they are. A call that is not valid, or not allowed, is told so in its own answer; the batch itself is refused only if it is none.`

const example: BatchReply = {
  answers: [
    { status: 200, body: exampleLease },
    { status: 200, body: { state: 'released', leaseId: '9b2f6a30-2d52-4d0b-8f0e-6a5b7c8d9e0f', permits: 1 } },
  ],
}

export function batchRoute(context: RouteContext): Route {
  const { schemas, settings, openAttempts, log } = context
  const answerTo = answering(context)
  return defineRoute({
    method: 'POST',
    path: '/v1/batch',
    operationId: 'batch',
    summary: 'Acquire, release and renew, many at once',
    description,
    tag: 'leases',
    scope: 'acquire',
    body: schemas.unopenedBatch,
    bodyDocumented: schemas.batch,
    bodyBytesMax: settings.bodyBytesMax * bodyFactor,
    bodyExample: {
      calls: [
        { call: 'acquire', semaphore: 'reports', leaseId: exampleLease.leaseId, create: { limit: 3 } },
        { call: 'release', semaphore: 'exports', leaseId: '9b2f6a30-2d52-4d0b-8f0e-6a5b7c8d9e0f' },
      ],
    },
    replies: [{ status: 200, description: 'What became of each call', schema: batchReply, example }],
    codes: [],
    async handle(request, reply) {
      const attempts: Attempt[] = []
      const failed = (error: unknown): Problem => problemOf(error, request, log)
      const answers = request.body.calls.map((call) => answerTo(call, request, attempts, failed))
      if (attempts.length > 0) openAttempts.track(together(attempts), request.raw.socket, reply.raw)
      const texts: string[] = []
      for (const pending of answers) {
        const answer = pending instanceof Promise ? await pending : pending
        if (answer === null) return reply.hijack()
        texts.push(textOf(answer, request.id))
      }
      // As text: a serializer would have to find out for each body which of the schemas it is of.
      reply.header('content-type', 'application/json; charset=utf-8')
      return `{"answers":[${texts.join()}]}`
    },
  })
}

function together(attempts: readonly Attempt[]): Pick<Attempt, 'close' | 'delivered'> {
  return {
    close: () => {
      for (const attempt of attempts) attempt.close()
    },
    delivered: () => {
      for (const attempt of attempts) attempt.delivered()
    },
  }
}

function textOf(answer: NonNullable<Answer>, requestId: string): string {
  return answer instanceof Problem
    ? `{"status":${answer.status},"body":${answer.text(requestId)}}`
    : `{"status":200,"body":${JSON.stringify(answer)}}`
}

/**
 * Begins a call at once, and resolves with what came of it. What it opens is added to the attempts before it returns. `failed` makes an answer of
 * an error.
 */
type AnswerTo = (
  call: Call,
  request: FastifyRequest,
  attempts: Attempt[],
  failed: (error: unknown) => Problem,
) => Answer | Promise<Answer>

function answering(context: RouteContext): AnswerTo {
  const { engine, schemas, load, metrics } = context
  const checkAcquire = checking(schemas.batchedAcquire)
  const checkRelease = checking(schemas.batchedRelease)
  const checkRenew = checking(schemas.batchedRenew)

  function acquire(call: Call, request: FastifyRequest, attempts: Attempt[]): Answer | Promise<Answer> {
    const { excess } = load
    if (excess !== null) {
      metrics.shed(excess)
      return tooMuch(excess)
    }
    const checked = checkAcquire(call, request)
    if (checked instanceof Problem) return checked
    const asked = { ...acquireRequestOf(checked.semaphore, checked), isAnsweredAtOnce: true }
    const attempt = engine.acquire(asked)
    attempts.push(attempt)
    return attempt.outcome.then((outcome) =>
      outcome.kind === 'closed' ? null : acquireAnswer(outcome, asked, context),
    )
  }

  function begin(call: Call, request: FastifyRequest, attempts: Attempt[]): Answer | Promise<Answer> {
    const { semaphore } = call
    // Before anything else is said of the call, as on its plain route.
    if (typeof semaphore === 'string' && !semaphore.startsWith(request.keyPrefix)) return outsidePrefix()
    switch (call.call) {
      case 'acquire':
        return acquire(call, request, attempts)
      case 'release': {
        const checked = checkRelease(call, request)
        return checked instanceof Problem ? checked : release(engine, checked.semaphore, checked)
      }
      case 'renew': {
        const checked = checkRenew(call, request)
        return checked instanceof Problem ? checked : renew(engine, checked.semaphore, checked)
      }
    }
  }

  return (call, request, attempts, failed) => {
    try {
      const answer = begin(call, request, attempts)
      return answer instanceof Promise ? answer.catch(failed) : answer
    } catch (error) {
      return failed(error)
    }
  }
}

/** Judges a call as Fastify judges a body, by the same Ajv: the call with its defaults filled in, or what is wrong with it. */
function checking<Schema extends z.ZodType>(
  schema: Schema,
): (call: unknown, request: FastifyRequest) => z.output<Schema> | Problem {
  const json = jsonSchemaOf(schema, 'input')
  return (call, request) => {
    const check = request.compileValidationSchema(json, 'body')
    const isValid = (checked: unknown): checked is z.output<Schema> => check(checked)
    return isValid(call) ? call : invalidRequest(check.errors ?? [], 'body').problem
  }
}
