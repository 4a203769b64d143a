import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createScriptTable } from './script-table.js'
import type { ScriptTable } from './script-table.js'

describe('the harness of the script tables', () => {
  let table: ScriptTable
  beforeEach(() => {
    table = createScriptTable()
  })
  afterEach(() => table.close())

  const leaseId = randomUUID()
  const request = {
    leaseId,
    permits: 1,
    ttlMs: 500,
    enqueue: false,
    attachment: 'r1.1',
    holder: 'me',
    createLimit: 1,
    createBounded: true,
    onConflict: 'keep',
  }

  it('runs scripts on a clock that only the test moves', async () => {
    const granted = await table.call('acquire', request)
    expect(granted).toMatchObject({ kind: 'granted', grantedAtMs: table.clock.nowMs })
    table.clock.advance(499)
    expect(await table.call('renew', { leaseId, ttlMs: 1 })).toMatchObject({ kind: 'renewed', expiresInMs: 1 })
    table.clock.advance(1)
    expect(await table.call('renew', { leaseId, ttlMs: 1 })).toEqual({ kind: 'lease_not_held' })
    expect(table.expired).toBe(1)
  })

  it('shows everything under its prefix, and nothing after close', async () => {
    expect(await table.snapshot()).toEqual({})
    await table.call('acquire', request)
    expect(await table.snapshot()).toMatchObject({
      state: { limit: '1', used: '1' },
      deadlines: { [leaseId]: String(table.clock.nowMs + 500) },
    })
    expect((await table.ttls())['state']).toBeGreaterThan(0)
  })
})
