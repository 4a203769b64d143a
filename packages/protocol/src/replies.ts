import { z } from 'zod'
import { errorTable, type ErrorCode } from './errors.js'
import { leaseId, namePrefix, scopes, semaphoreName } from './words.js'

const count = z.int().min(0)
const durationMs = z.int().min(0)
const instant = z.string().describe('RFC 3339, for people: decide by durations')

export const leaseReply = z.object({
  state: z.literal('held'),
  leaseId,
  semaphore: semaphoreName,
  permits: z.int().min(1),
  fence: z.int().min(1).describe('Fencing token: only grows, per semaphore'),
  ttlMs: durationMs,
  expiresInMs: durationMs.describe('What is left of the lease, taken waitedMs after this request arrived'),
  waitedMs: durationMs.describe('How long after the arrival of this request expiresInMs was taken'),
  expiresAt: instant,
})

/** The lease, and whether the caller's idea of the limit is out of date. */
export const acquireReply = leaseReply.extend({
  limitMismatch: z
    .object({ limit: count })
    .optional()
    .describe(
      'The limit in force, when `create` named one that is neither the value at creation nor the current limit',
    ),
})

export const releaseReply = z.object({
  state: z.enum(['released', 'cancelled']),
  leaseId,
  permits: z.int().min(1),
})

/** A lease that an operator took back. Its id is not told: it is a capability. */
export const revokeReply = z.object({ state: z.literal('released'), fence: z.int().min(1), permits: z.int().min(1) })

export const healthReply = z.object({ status: z.literal('ok') })

export const readyReply = z.object({
  status: z
    .enum(['ready', 'recovering'])
    .describe('`recovering`: the store lost its data, so for a while acquire and renew are 503 STORE_RECOVERING'),
  store: z.string().describe('Which store answers, for people'),
  recoversInMs: count.optional().describe('Only while recovering'),
})

export const accessReply = z.object({
  key: z
    .string()
    .nullable()
    .describe('The name of the key; null: this service asks for none, and anyone may do everything'),
  scopes: z.array(z.enum(scopes)),
  prefix: namePrefix,
})

export const semaphoreReply = z.object({
  name: semaphoreName,
  limit: count,
  bounded: z.boolean(),
  used: count,
  available: count,
  waiting: count,
  oldestWaitMs: durationMs,
})

export const leaseItem = z.object({
  fence: z.int().min(1),
  permits: z.int().min(1),
  holder: z.string(),
  grantedAt: instant,
  heldMs: durationMs,
  expiresAt: instant,
  expiresInMs: durationMs,
})

export const waiterItem = z.object({
  position: z.int().min(1).describe('1 is next'),
  permits: z.int().min(1),
  holder: z.string(),
  since: instant,
  waitedMs: durationMs,
})

export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() })
}

// eslint-disable-next-line @typescript-eslint/no-unsafe-type-assertion -- Object.keys says string[]; the table's keys are exactly the codes
const codes = Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]]

/** RFC 9457 problem document. The values that `detail` mentions are members too, hence the loose object. */
export const problemReply = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.enum(codes),
  detail: z.string(),
  requestId: z.string(),
  retryAfterMs: durationMs.optional(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
})

/** What each call of a batch would have been answered with by itself, in their order. */
export const batchReply = z.object({
  answers: z.array(
    z.object({
      status: z.int().describe('The HTTP status of the plain call'),
      body: z.union([acquireReply, releaseReply, problemReply]),
    }),
  ),
})

export type LeaseReply = z.infer<typeof leaseReply>
export type AcquireReply = z.infer<typeof acquireReply>
export type ReleaseReply = z.infer<typeof releaseReply>
export type BatchReply = z.infer<typeof batchReply>
export type RevokeReply = z.infer<typeof revokeReply>
export type AccessReply = z.infer<typeof accessReply>
export type HealthReply = z.infer<typeof healthReply>
export type ReadyReply = z.infer<typeof readyReply>
export type SemaphoreReply = z.infer<typeof semaphoreReply>
export type LeaseItem = z.infer<typeof leaseItem>
export type WaiterItem = z.infer<typeof waiterItem>
export type Problem = z.infer<typeof problemReply>
export interface Page<Item> {
  items: Item[]
  nextCursor: string | null
}
