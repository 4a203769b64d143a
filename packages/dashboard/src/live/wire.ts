import type {
  AccessReply,
  LeaseItem,
  LiveSemaphore,
  Problem,
  SemaphoresChanges,
  SemaphoreSnapshot,
  SemaphoresSnapshot,
  WaiterItem,
} from '@signalbox/protocol'

/** What the service sent is not what this page knows: it was loaded before the service was upgraded. */
export class WireError extends Error {
  override readonly name = 'WireError'
  constructor(what: string) {
    super(`The service speaks otherwise than this page (${what}): load the page again.`)
  }
}

type Fields = Readonly<Record<string, unknown>>

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function fieldsOf(value: unknown, what: string): Fields {
  if (isFields(value)) return value
  throw new WireError(what)
}

function number(fields: Fields, name: string): number {
  const value = fields[name]
  if (typeof value === 'number') return value
  throw new WireError(name)
}

function text(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value === 'string') return value
  throw new WireError(name)
}

function truth(fields: Fields, name: string): boolean {
  const value = fields[name]
  if (typeof value === 'boolean') return value
  throw new WireError(name)
}

function list<Item>(fields: Fields, name: string, itemOf: (value: unknown) => Item): Item[] {
  const value = fields[name]
  if (Array.isArray(value)) return value.map(itemOf)
  throw new WireError(name)
}

function wordOf(value: unknown): string {
  if (typeof value === 'string') return value
  throw new WireError('word')
}

function semaphoreOf(value: unknown): LiveSemaphore {
  const fields = fieldsOf(value, 'semaphore')
  return {
    name: text(fields, 'name'),
    limit: number(fields, 'limit'),
    bounded: truth(fields, 'bounded'),
    used: number(fields, 'used'),
    available: number(fields, 'available'),
    waiting: number(fields, 'waiting'),
    oldestWaitMs: number(fields, 'oldestWaitMs'),
    grantsPerS: number(fields, 'grantsPerS'),
  }
}

function leaseOf(value: unknown): LeaseItem {
  const fields = fieldsOf(value, 'lease')
  return {
    fence: number(fields, 'fence'),
    permits: number(fields, 'permits'),
    holder: text(fields, 'holder'),
    grantedAt: text(fields, 'grantedAt'),
    heldMs: number(fields, 'heldMs'),
    expiresAt: text(fields, 'expiresAt'),
    expiresInMs: number(fields, 'expiresInMs'),
  }
}

function waiterOf(value: unknown): WaiterItem {
  const fields = fieldsOf(value, 'waiter')
  return {
    position: number(fields, 'position'),
    permits: number(fields, 'permits'),
    holder: text(fields, 'holder'),
    since: text(fields, 'since'),
    waitedMs: number(fields, 'waitedMs'),
  }
}

export function snapshotOf(data: unknown): SemaphoresSnapshot {
  const fields = fieldsOf(data, 'snapshot')
  return { semaphores: list(fields, 'semaphores', semaphoreOf), truncated: truth(fields, 'truncated') }
}

export function changesOf(data: unknown): SemaphoresChanges {
  const fields = fieldsOf(data, 'changes')
  return { changed: list(fields, 'changed', semaphoreOf), removed: list(fields, 'removed', wordOf) }
}

export function detailOf(data: unknown): SemaphoreSnapshot {
  const fields = fieldsOf(data, 'snapshot')
  return {
    semaphore: semaphoreOf(fields['semaphore']),
    leases: list(fields, 'leases', leaseOf),
    waiters: list(fields, 'waiters', waiterOf),
    truncated: truth(fields, 'truncated'),
  }
}

/** Scopes that this page does not know are none of its business. */
export function accessOf(data: unknown): { key: string | null; scopes: ReadonlySet<string>; prefix: string } {
  const fields = fieldsOf(data, 'access')
  const key: AccessReply['key'] = fields['key'] === null ? null : text(fields, 'key')
  return { key, scopes: new Set(list(fields, 'scopes', wordOf)), prefix: text(fields, 'prefix') }
}

/** What of a problem document this page goes by; null: it is none. */
export function problemOf(data: unknown): Pick<Problem, 'detail' | 'retryAfterMs'> | null {
  if (!isFields(data)) return null
  const { detail, retryAfterMs } = data
  if (typeof detail !== 'string') return null
  return typeof retryAfterMs === 'number' ? { detail, retryAfterMs } : { detail }
}
