import { z } from 'zod'
import { batchCallsMax, defaults, type Limits } from './limits.js'
import { holderOf, leaseId, namePrefix, requestId, semaphoreName } from './words.js'

function batchOf<Call extends z.ZodType>(call: Call) {
  return z.strictObject({ calls: z.array(call).min(1).max(batchCallsMax) })
}

const wholeNumber = (min: number, max: number) => z.int().min(min).max(max)

/** The bodies and queries that the service accepts, under the given limits. No coercion, no unknown fields. */
export function requestSchemas(limits: Limits) {
  const permits = wholeNumber(1, limits.limitMax).describe('How many permits')
  const ttlMs = wholeNumber(1, limits.ttlMsMax).describe('How long the lease lasts unrenewed, ms')
  const limit = wholeNumber(0, limits.limitMax).describe('How many permits may be held at once')
  const pageSize = wholeNumber(1, limits.pageSizeMax).default(Math.min(defaults.pageSize, limits.pageSizeMax))
  const cursor = z.string().max(512).describe('The nextCursor of the page before')

  const create = z
    .strictObject({
      limit,
      bounded: z.boolean().default(true),
      onConflict: z
        .enum(['keep', 'error'])
        .default('keep')
        .describe(
          'What happens when the semaphore exists with another limit: use what is there, or 409 LIMIT_CONFLICT',
        ),
    })
    .describe('Create the semaphore if there is none')

  const acquire = z.strictObject({
    leaseId: leaseId.optional(),
    permits: permits.default(defaults.permits),
    ttlMs: ttlMs.default(Math.min(defaults.ttlMs, limits.ttlMsMax)),
    waitMs: wholeNumber(0, limits.waitMsMax).default(defaults.waitMs).describe('How long to queue, ms'),
    holder: holderOf(limits.holderLengthMax).optional(),
    create: create.optional(),
  })
  const release = z.strictObject({
    leaseId,
    retire: z.boolean().default(false).describe('Refuse this id for 60 s, in whatever state it is'),
  })
  const renew = z.strictObject({ leaseId, ttlMs })
  const batched = {
    acquire: acquire.extend({ call: z.literal('acquire'), semaphore: semaphoreName }),
    release: release.extend({ call: z.literal('release'), semaphore: semaphoreName }),
    renew: renew.extend({ call: z.literal('renew'), semaphore: semaphoreName }),
  }

  return {
    acquire,
    release,
    renew,
    batch: batchOf(z.discriminatedUnion('call', [batched.acquire, batched.release, batched.renew])),
    /** A batch whose calls have not been looked at, but for which they are: each is judged by its own schema, and answered by itself. */
    unopenedBatch: batchOf(z.looseObject({ call: z.enum(['acquire', 'release', 'renew']) })),
    batchedAcquire: batched.acquire,
    batchedRelease: batched.release,
    batchedRenew: batched.renew,
    addPermits: z.strictObject({ permits, requestId }),
    configure: z.strictObject({ limit, bounded: z.boolean().optional() }),
    remove: z.strictObject({ force: z.boolean().default(false) }),
    page: z.strictObject({ cursor: cursor.optional(), pageSize }),
    semaphoresPage: z.strictObject({ prefix: namePrefix.default(''), cursor: cursor.optional(), pageSize }),
    events: z.strictObject({
      prefix: namePrefix.optional(),
      semaphore: semaphoreName.optional(),
    }),
  }
}

export type RequestSchemas = ReturnType<typeof requestSchemas>
/** What a caller sends (defaults may be left out). */
export type RequestInput<Name extends keyof RequestSchemas> = z.input<RequestSchemas[Name]>
/** What the service works with (defaults filled in). */
export type RequestOf<Name extends keyof RequestSchemas> = z.output<RequestSchemas[Name]>
