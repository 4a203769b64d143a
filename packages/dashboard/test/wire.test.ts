import { accessReply, semaphoreEvents, semaphoresEvents } from '@signalbox/protocol'
import { describe, expect, test } from 'vitest'
import { accessOf, changesOf, detailOf, problemOf, snapshotOf, WireError } from '../src/live/wire.js'

const semaphore = {
  name: 'reports',
  limit: 3,
  bounded: true,
  used: 2,
  available: 1,
  waiting: 1,
  oldestWaitMs: 20,
  grantsPerS: 0.4,
}
const lease = {
  fence: 7,
  permits: 2,
  holder: '',
  grantedAt: '2026-01-01T00:00:00.000Z',
  heldMs: 1,
  expiresAt: '2026-01-01T00:00:30.000Z',
  expiresInMs: 29_999,
}
const waiter = { position: 1, permits: 1, holder: 'job', since: '2026-01-01T00:00:00.000Z', waitedMs: 20 }

describe.each([
  ['a snapshot of all', semaphoresEvents.snapshot, snapshotOf, { semaphores: [semaphore], truncated: false }],
  ['changes', semaphoresEvents.changes, changesOf, { changed: [semaphore], removed: ['gone'] }],
  [
    'a snapshot of one',
    semaphoreEvents.snapshot,
    detailOf,
    { semaphore, leases: [lease], waiters: [waiter], truncated: true },
  ],
] as const)('%s', (_what, schema, read, data) => {
  test('is read as the protocol means it, whatever a newer service adds', () => {
    expect(read({ ...data, news: 1 })).toEqual(schema.parse(data))
  })

  test('is not taken for one when anything is missing or of another kind', () => {
    for (const broken of brokenOnes(data)) expect(() => read(broken), JSON.stringify(broken)).toThrow(WireError)
  })
})

/** With each value at any depth taken out, and made null, in turn. */
function brokenOnes(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [null]
  if (Array.isArray(value)) return [{}, ...value.flatMap((item) => brokenOnes(item).map((broken) => [broken]))]
  return Object.entries(value).flatMap(([name, member]) => [
    Object.fromEntries(Object.entries(value).filter(([other]) => other !== name)),
    ...brokenOnes(member).map((broken) => ({ ...value, [name]: broken })),
  ])
}

test('what a key may do is read as the protocol means it', () => {
  const data = { key: null, scopes: ['inspect'], prefix: '' }
  expect(accessOf(data)).toEqual({ ...accessReply.parse(data), scopes: new Set(['inspect']) })
})

test.each([
  [{ detail: 'No.', code: 'X' }, { detail: 'No.' }],
  [
    { detail: 'No.', retryAfterMs: 5 },
    { detail: 'No.', retryAfterMs: 5 },
  ],
  [{ title: 'No.' }, null],
  ['<html>', null],
  [null, null],
])('%j as a problem: %j', (data, expected) => {
  expect(problemOf(data)).toEqual(expected)
})
