import { expect, inject, test, vi } from 'vitest'
import { fuzz } from './fuzz/fuzz.js'

// The requests go one after another: on a busy machine they take minutes.
vi.setConfig({ testTimeout: 300_000 })

test('2,000 generated requests are answered as the OpenAPI document says, and refused ones change nothing in Redis', async () => {
  const { findings, requests, answers } = await fuzz({ requests: 2_000, seed: 7_600, redisUrl: inject('redisUrl') })
  expect(findings).toEqual([])
  expect(requests).toBe(2_000)
  // Were all of them refused at the door, it would prove little.
  for (const answer of ['200', '201', '204', '400 INVALID_REQUEST', '409 PERMITS_EXCEED_LIMIT', '410 LEASE_NOT_HELD'])
    expect([answer, answers.get(answer) ?? 0]).not.toEqual([answer, 0])
})
