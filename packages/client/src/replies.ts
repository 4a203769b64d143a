import type { Accepted } from './answer.js'
import { SignalboxError } from './errors.js'
import { isRecord } from './record.js'
import type { Granted } from './term.js'
import type { AcquireReply, LeaseReply, SemaphoreReply } from './wire.gen.js'

// Written by hand, not with zod: the SDK has no dependencies. Only what the SDK acts on is looked at, so that a newer service may add to it.

type Members = Readonly<Record<string, unknown>>

function brokenReply(answer: Accepted, what: string): SignalboxError {
  return new SignalboxError(`Answered ${answer.status} without ${what}, which is not a Signalbox reply`, {
    code: 'UNEXPECTED_REPLY',
    status: answer.status,
    requestId: answer.requestId,
  })
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function hasCounts<Name extends string>(
  members: Members,
  names: readonly Name[],
): members is Members & Record<Name, number> {
  return names.every((name) => isCount(members[name]))
}

const leaseCounts = ['permits', 'fence', 'ttlMs', 'expiresInMs', 'waitedMs'] as const

/** What was asked for: a reply about anything else is none. */
export interface AskedLease {
  readonly leaseId: string
  readonly semaphore: string
  /** Left out: not known, as when a lease is adopted. */
  readonly permits?: number
  /** The longest that the service can have given: the ttl of a new lease. Left out: an older, longer ttl may still run. */
  readonly expiresInMsMax?: number
}

// The longest ttl that a service can be set to allow: seven days.
const ttlMsMax = 604_800_000

/**
 * The lease of an acquire's or renew's 200. Throws `UNEXPECTED_REPLY` unless it is what was asked for, under the very id that was sent: a proxy's
 * page and a cached reply of somebody else's must not become a permit, nor a garbled time one for ever. No other 2xx is one: a 203 says
 * itself that somebody has changed it.
 */
export function leaseOf(answer: Accepted, asked: AskedLease): LeaseReply {
  const { body, status } = answer
  if (status !== 200 || !isRecord(body) || body['state'] !== 'held' || !hasCounts(body, leaseCounts))
    throw brokenReply(answer, 'a lease')
  if (body['leaseId'] !== asked.leaseId.toLowerCase() || body['semaphore'] !== asked.semaphore)
    throw brokenReply(answer, 'the lease that was asked for')
  const { permits, fence, ttlMs, expiresInMs, waitedMs } = body
  const longestMs = asked.expiresInMsMax ?? ttlMsMax
  if (permits < 1 || fence < 1 || ttlMs < 1 || ttlMs > longestMs || expiresInMs > longestMs)
    throw brokenReply(answer, 'a lease')
  if (asked.permits !== undefined && permits !== asked.permits)
    throw brokenReply(answer, 'the permits that were asked for')
  return {
    state: 'held',
    leaseId: body['leaseId'],
    semaphore: asked.semaphore,
    permits,
    fence,
    ttlMs,
    expiresInMs,
    waitedMs,
    expiresAt: String(body['expiresAt']),
  }
}

export function grantedOf(answer: Accepted, reply: LeaseReply): Granted {
  const { sentAtMs, receivedAtMs } = answer
  return { sentAtMs, receivedAtMs, expiresInMs: reply.expiresInMs, waitedMs: reply.waitedMs }
}

/** Throws `UNEXPECTED_REPLY` unless the reply says that the lease was released: a page that answers 200 has released nothing. */
export function checkReleased(answer: Accepted, leaseId: string): void {
  const { body, status } = answer
  const isReleased = isRecord(body) && (body['state'] === 'released' || body['state'] === 'cancelled')
  if (status !== 200 || !isReleased || body['leaseId'] !== leaseId.toLowerCase()) throw brokenReply(answer, 'a release')
}

/** The limit in force, when the service says that the caller's idea of it is out of date. */
export function limitMismatchOf(answer: Accepted): NonNullable<AcquireReply['limitMismatch']> | undefined {
  const mismatch = isRecord(answer.body) ? answer.body['limitMismatch'] : undefined
  return isRecord(mismatch) && hasCounts(mismatch, ['limit']) ? { limit: mismatch.limit } : undefined
}

const semaphoreCounts = ['limit', 'used', 'available', 'waiting', 'oldestWaitMs'] as const

function semaphoreFrom(value: unknown): SemaphoreReply | undefined {
  if (!isRecord(value) || !hasCounts(value, semaphoreCounts)) return undefined
  const { name, bounded, limit, used, available, waiting, oldestWaitMs } = value
  if (typeof name !== 'string' || typeof bounded !== 'boolean') return undefined
  return { name, limit, bounded, used, available, waiting, oldestWaitMs }
}

export function semaphoreOf(answer: Accepted): SemaphoreReply {
  const semaphore = semaphoreFrom(answer.body)
  if (semaphore === undefined) throw brokenReply(answer, 'a semaphore')
  return semaphore
}

export interface SemaphoresPage {
  readonly items: readonly SemaphoreReply[]
  readonly nextCursor: string | null
}

export function semaphoresPageOf(answer: Accepted): SemaphoresPage {
  const { body } = answer
  if (!isRecord(body) || !Array.isArray(body['items'])) throw brokenReply(answer, 'a page of semaphores')
  const items = body['items'].map(semaphoreFrom)
  const nextCursor = body['nextCursor']
  if (typeof nextCursor !== 'string' && nextCursor !== null) throw brokenReply(answer, 'a page of semaphores')
  return {
    items: items.map((item) => {
      if (item === undefined) throw brokenReply(answer, 'a page of semaphores')
      return item
    }),
    nextCursor,
  }
}
