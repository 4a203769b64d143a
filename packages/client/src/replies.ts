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

/**
 * The lease of an acquire's or renew's 200. Throws `UNEXPECTED_REPLY` unless it is held under the very id that was sent: a proxy's page and
 * a cached reply of somebody else's must not become a permit.
 */
export function leaseOf(answer: Accepted, leaseId: string): LeaseReply {
  const { body } = answer
  if (!isRecord(body) || body['state'] !== 'held' || !hasCounts(body, leaseCounts)) throw brokenReply(answer, 'a lease')
  if (body['leaseId'] !== leaseId.toLowerCase()) throw brokenReply(answer, 'the lease that was asked for')
  const { permits, fence, ttlMs, expiresInMs, waitedMs } = body
  return {
    state: 'held',
    leaseId: body['leaseId'],
    semaphore: String(body['semaphore']),
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
