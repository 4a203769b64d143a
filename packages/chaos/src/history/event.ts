import { z } from 'zod'

const fence = z.int()
const semaphore = z.string()
const count = z.number()

/** What every event carries: when (`nowMs`), and which process saw it. */
const seen = { at: z.number(), by: z.string() }

export const operations = ['acquire', 'release', 'renew', 'configure', 'add-permits', 'revoke', 'look'] as const

/** One attempt over HTTP, written down before it was sent. */
const request = z.object({
  ...seen,
  kind: z.literal('request'),
  request: z.string(),
  operation: z.enum(operations),
  semaphore,
  leaseId: z.string().optional(),
  permits: count.optional(),
  ttlMs: count.optional(),
  waitMs: count.optional(),
  /** What `configure` sets, and what an acquire would create the semaphore with. */
  limit: count.optional(),
  fence: fence.optional(),
  /** Together with others in one request: nothing in it waits. */
  inBatch: z.boolean().optional(),
})

/** The whole of its answer had arrived. */
const reply = z.object({
  ...seen,
  kind: z.literal('reply'),
  request: z.string(),
  status: z.int(),
  code: z.string().optional(),
  leaseId: z.string().optional(),
  fence: fence.optional(),
  permits: count.optional(),
  expiresInMs: count.optional(),
  waitedMs: count.optional(),
})

/** It came to nothing that the caller knows of: aborted, timed out, cut. */
const unanswered = z.object({ ...seen, kind: z.literal('unanswered'), request: z.string(), why: z.string() })

/** A program begins to wait for permits, in as many attempts as that takes. */
const wait = z.object({
  ...seen,
  kind: z.literal('wait'),
  call: z.string(),
  act: z.string(),
  semaphore,
  permits: count,
  /** null: until granted. */
  waitMs: count.nullable(),
  /** When the program gives up by itself, ms from now; null: never. */
  abortAfterMs: count.nullable(),
})

const waitOver = z.object({
  ...seen,
  kind: z.literal('wait-over'),
  call: z.string(),
  /** `held`, `busy`, `aborted`, or the code of an error. */
  outcome: z.string(),
})

/** At this moment or later the lease's signal had not aborted and its release had not begun. */
const believes = z.object({ ...seen, kind: z.literal('believes'), semaphore, fence })

/** The signal of a lease aborted. */
const lost = z.object({ ...seen, kind: z.literal('lost'), semaphore, fence })

/** Something came to the register that a semaphore of limit 1 protects, in the order of arrival there. */
const access = z.object({ ...seen, kind: z.literal('access'), semaphore, fence, accepted: z.boolean() })

const sampledLease = z.object({
  leaseId: z.string(),
  permits: count,
  fence,
  grantedAtMs: count,
  deadlineMs: count,
})

const sampledWaiter = z.object({ leaseId: z.string(), arrival: count, permits: count })

/** One semaphore by the store's own account, read in one script between `from` and `at`. */
const sample = z.object({
  ...seen,
  kind: z.literal('sample'),
  semaphore,
  from: z.number(),
  /** The store's clock. */
  storeMs: z.number(),
  limit: count,
  used: count,
  fence,
  /** Held or past their deadline and not yet ended by a script. */
  leases: z.array(sampledLease),
  /** In queue order. */
  waiters: z.array(sampledWaiter),
})

export const faultKinds = [
  'client-killed',
  'client-stopped',
  'client-blocked',
  'client-cut',
  'client-held',
  'client-slowed',
  'client-replies-lost',
  'replica-killed',
  'replica-stopped',
  'replica-rolled',
  'store-killed',
  'store-stopped',
  'store-cut',
  'store-held',
  'store-slowed',
  'store-replies-lost',
  'scripts-flushed',
] as const

const fault = z.object({
  ...seen,
  kind: z.literal('fault'),
  fault: z.enum(faultKinds),
  target: z.string(),
  phase: z.enum(['begins', 'ends']),
})

/** What must not happen whatever the faults: an error in a log, a process that ended by itself, one that did not end. */
const mishap = z.object({ ...seen, kind: z.literal('mishap'), process: z.string(), text: z.string() })

/** After everybody had gone and every ttl had passed. */
const emptied = z.object({
  ...seen,
  kind: z.literal('emptied'),
  semaphore,
  limit: count,
  used: count,
  waiting: count,
  /** Whether the whole limit could be acquired at once. */
  wholeLimit: z.boolean(),
  /** Keys that should have gone. */
  residue: z.array(z.string()),
})

export const historyEvent = z.discriminatedUnion('kind', [
  request,
  reply,
  unanswered,
  wait,
  waitOver,
  believes,
  lost,
  access,
  sample,
  fault,
  mishap,
  emptied,
])

export type HistoryEvent = z.infer<typeof historyEvent>
export type EventOf<Kind extends HistoryEvent['kind']> = Extract<HistoryEvent, { kind: Kind }>
export type Operation = (typeof operations)[number]
export type FaultKind = (typeof faultKinds)[number]
type DistributiveOmit<Event, Key extends PropertyKey> = Event extends unknown ? Omit<Event, Key> : never
/** An event before it is known who saw it, and, unless it says so, when. */
export type NewEvent = DistributiveOmit<HistoryEvent, 'at' | 'by'> & { readonly at?: number }
