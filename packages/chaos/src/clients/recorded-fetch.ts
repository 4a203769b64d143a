import { z } from 'zod'
import type { Operation } from '../history/event.js'
import type { Recorder } from '../history/recorder.js'

const body = z.object({
  leaseId: z.string().optional(),
  permits: z.number().optional(),
  ttlMs: z.number().optional(),
  waitMs: z.number().optional(),
  limit: z.number().optional(),
})

const answer = z.object({
  code: z.string().optional(),
  leaseId: z.string().optional(),
  fence: z.number().optional(),
  permits: z.number().optional(),
  expiresInMs: z.number().optional(),
  waitedMs: z.number().optional(),
})

interface Sent {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: string
  readonly signal: AbortSignal
}

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

/** `fetch` that writes down what is asked, before it is, and what came of it. */
export function recordedFetch(recorder: Recorder): (url: string, sent: Sent) => Promise<Response> {
  let count = 0
  return async (url, sent) => {
    const request = `${recorder.by}#${(count += 1)}`
    const asked = body.parse(JSON.parse(sent.body ?? '{}'))
    recorder.record({ kind: 'request', request, ...asked, ...targetOf(sent.method, url) })
    try {
      const response = await fetch(url, sent)
      const text = await response.text()
      const told = response.headers.get('content-type')?.includes('json') === true ? answer.parse(JSON.parse(text)) : {}
      recorder.record({ kind: 'reply', request, status: response.status, ...told })
      return new Response(text === '' ? null : text, { status: response.status, headers: response.headers })
    } catch (error) {
      recorder.record({ kind: 'unanswered', request, why: reasonOf(error) })
      throw error
    }
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
