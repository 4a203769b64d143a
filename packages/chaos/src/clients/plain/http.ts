import { z } from 'zod'
import { recordedFetch } from '../recorded-fetch.js'
import type { Stage } from '../stage.js'

const told = z.object({
  code: z.string().optional(),
  fence: z.number().optional(),
  leaseId: z.string().optional(),
  expiresInMs: z.number().optional(),
  waitedMs: z.number().optional(),
  items: z.array(z.object({ fence: z.number().optional() })).optional(),
})

/** An answer, or null for none: then nothing is known. */
export type Answer = ({ readonly status: number } & z.infer<typeof told>) | null

export interface Sending {
  readonly body?: object
  readonly timeoutMs?: number
  /** The caller closes the connection so long after sending. */
  readonly closeAfterMs?: number
}

export type Send = (method: string, path: string, sending?: Sending) => Promise<Answer>

/** What a program with nothing but an HTTP library does. */
export function createSend(stage: Stage): Send {
  const fetchRecorded = recordedFetch(stage.recorder)
  return async (method, path, { body, timeoutMs = 5_000, closeAfterMs = timeoutMs } = {}) => {
    try {
      const { status, text } = await fetchRecorded(`${stage.setup.url}/v1/semaphores${path}`, {
        method,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: 'manual',
        signal: AbortSignal.timeout(Math.min(timeoutMs, closeAfterMs)),
      })
      return { status, ...(text === '' ? {} : told.parse(JSON.parse(text))) }
    } catch (error) {
      if (error instanceof z.ZodError || error instanceof SyntaxError) throw error
      return null
    }
  }
}
