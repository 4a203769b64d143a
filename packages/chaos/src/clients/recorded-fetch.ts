import type { Fetch, FetchRequest, FetchResponse } from '@signalbox/client'
import { z } from 'zod'
import type { Operation } from '../history/event.js'
import type { Recorder } from '../history/recorder.js'

const body = z.object({
  leaseId: z.string().optional(),
  permits: z.number().optional(),
  ttlMs: z.number().optional(),
  waitMs: z.number().optional(),
  limit: z.number().optional(),
  create: z.object({ limit: z.number() }).optional(),
})

const answer = z.object({
  code: z.string().optional(),
  leaseId: z.string().optional(),
  fence: z.number().optional(),
  permits: z.number().optional(),
  expiresInMs: z.number().optional(),
  waitedMs: z.number().optional(),
})

const operationsByVerb: Readonly<Record<string, Operation>> = {
  'POST acquire': 'acquire',
  'POST release': 'release',
  'POST renew': 'renew',
  'POST add-permits': 'add-permits',
  'PUT ': 'configure',
  'DELETE leases': 'revoke',
}

function targetOf(method: string, url: string): { operation: Operation; semaphore: string; fence?: number } {
  const [, name = '', verb = '', fence] =
    /^\/v1\/semaphores(?:\/([^/]+))?(?:\/([^/]+))?(?:\/(\d+))?$/.exec(new URL(url).pathname) ?? []
  return {
    operation: operationsByVerb[`${method} ${verb}`] ?? 'look',
    semaphore: decodeURIComponent(name),
    ...(fence === undefined ? {} : { fence: Number(fence) }),
  }
}

const batch = z.object({
  calls: z.array(body.extend({ call: z.enum(['acquire', 'release', 'renew']), semaphore: z.string() })),
})
const batchAnswer = z.object({ answers: z.array(z.object({ status: z.number(), body: answer })) })

/** The limit of an acquire is the one that it would create the semaphore with. */
function withLimit<Asked extends z.infer<typeof body>>({ create, ...asked }: Asked) {
  return create === undefined ? asked : { ...asked, limit: create.limit }
}

/** What a request asks: one thing, or as many as its batch has calls. */
function asksOf(url: string, { method, body: text = '{}' }: FetchRequest) {
  if (!url.endsWith('/v1/batch')) return [{ ...withLimit(body.parse(JSON.parse(text))), ...targetOf(method, url) }]
  const { calls } = batch.parse(JSON.parse(text))
  return calls.map(({ call, ...asked }) => ({ ...withLimit(asked), operation: call, inBatch: true }))
}

async function textOf({ body: stream }: FetchResponse): Promise<string> {
  const reader = stream?.getReader()
  const chunks: Uint8Array[] = []
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true }
    if (value !== undefined) chunks.push(value)
    if (done) return Buffer.concat(chunks).toString()
  }
}

/** What came, and the whole text of it. */
type Told = FetchResponse & { readonly text: string }

/** `fetch` that writes down what is asked, before it is, and what came of it: of a batch call by call. */
export function recordedFetch(
  recorder: Recorder,
  send: Fetch = fetch,
): (url: string, request: FetchRequest) => Promise<Told> {
  let count = 0
  return async (url, sent) => {
    const requests = asksOf(url, sent).map((asked) => {
      const request = `${recorder.by}#${(count += 1)}`
      recorder.record({ kind: 'request', request, ...asked })
      return request
    })
    try {
      const response = await send(url, sent)
      const text = await textOf(response)
      const isJson = response.headers.get('content-type')?.includes('json') === true
      const told = isJson ? (JSON.parse(text) as unknown) : {}
      const answers =
        response.status === 200 && url.endsWith('/v1/batch')
          ? batchAnswer.parse(told).answers
          : requests.map(() => ({ status: response.status, body: answer.parse(told) }))
      for (const [index, request] of requests.entries()) {
        const { status, body: own } = answers[index] ?? { status: response.status, body: {} }
        recorder.record({ kind: 'reply', request, status, ...own })
      }
      const { status, headers } = response
      return { status, headers, text, body: new Response(text).body }
    } catch (error) {
      for (const request of requests) recorder.record({ kind: 'unanswered', request, why: reasonOf(error) })
      throw error
    }
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
