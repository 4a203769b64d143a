import type { StoreWarning } from '@signalbox/engine'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchStoreWarnings } from '../src/store-warnings.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const evicts: StoreWarning = { kind: 'eviction', text: 'maxmemory-policy is allkeys-lru.' }

test('the log has a warning once while it lasts, and again when it is back; the metrics have what is now', async () => {
  const now: StoreWarning[] = [evicts]
  const said: unknown[] = []
  const counted: number[] = []
  watchStoreWarnings(
    { warnings: () => Promise.resolve([...now]) },
    { warn: (text: unknown) => void said.push(text) },
    { storeWarned: (warnings) => void counted.push(warnings.length) },
  )
  await vi.advanceTimersByTimeAsync(60_000)
  expect([said, counted]).toEqual([[evicts.text], [1, 1]])
  now.pop()
  await vi.advanceTimersByTimeAsync(60_000)
  now.push(evicts)
  await vi.advanceTimersByTimeAsync(60_000)
  expect([said, counted]).toEqual([
    [evicts.text, evicts.text],
    [1, 1, 0, 1],
  ])
})

test('a store that is away is told of once, and what was known of it stays', async () => {
  let isAway = true
  const said: unknown[] = []
  const counted: number[] = []
  watchStoreWarnings(
    { warnings: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve([evicts])) },
    { warn: (first: unknown, text?: unknown) => void said.push(text ?? first) },
    { storeWarned: (warnings) => void counted.push(warnings.length) },
  )
  await vi.advanceTimersByTimeAsync(5_000)
  expect([said, counted]).toEqual([[expect.stringContaining('cannot be reached')], []])
  isAway = false
  await vi.advanceTimersByTimeAsync(1_000)
  isAway = true
  await vi.advanceTimersByTimeAsync(180_000)
  expect([said.slice(1), counted]).toEqual([[evicts.text], [1]])
})
