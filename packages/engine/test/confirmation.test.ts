import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Confirmation } from '../src/redis/confirmation.js'
import { acquireArgs, leaseIds } from './acquire-args.js'
import { createScriptTable, type ScriptTable } from './script-table.js'

const [held, unknown] = leaseIds
const ttlMs = 500

// On a server without a Redis replica; what WAIT says of real ones is in the scoreboard.
describe('the confirmation of leases', () => {
  let table: ScriptTable
  let confirmation: Confirmation
  let rounds: number
  const told = (leaseId: string, deadlineMs = table.clock.nowMs + ttlMs) => {
    const { nowMs } = table.clock
    const times = { ttlMs, grantedAtMs: nowMs, deadlineMs, expiresInMs: deadlineMs - nowMs }
    return [{ leaseId, lease: { permits: 1, fence: 1, ...times } }]
  }
  const confirmationOf = (waitReplicas: number) =>
    new Confirmation({
      waitReplicas,
      waitTimeoutMs: 50,
      deadlinesKeyOf: (semaphore) => `${table.keyPrefix}{${semaphore}}:deadlines`,
      writeTo: `${table.keyPrefix}marker:{}`,
      ask: (question) => {
        rounds += 1
        return question(table.redis)
      },
    })

  beforeEach(async () => {
    table = createScriptTable()
    rounds = 0
    confirmation = confirmationOf(0)
    await table.call('acquire', acquireArgs({ leaseId: held, ttlMs, createLimit: 1 }))
  })
  afterEach(() => table.close())

  it('is of a lease that this server has, until then at least', async () => {
    await confirmation.confirm('s', told(held))
    await confirmation.confirm('s', told(held, table.clock.nowMs + ttlMs - 1))
    await expect(confirmation.confirm('s', told(held, table.clock.nowMs + ttlMs + 1))).rejects.toThrow('does not have')
    await expect(confirmation.confirm('s', told(unknown))).rejects.toThrow('does not have')
    await expect(confirmation.confirm('s', [...told(held), ...told(unknown)])).rejects.toThrow('does not have')
  })

  it('needs that many Redis replicas', async () => {
    await expect(confirmationOf(1).confirm('s', told(held))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: '0 of 1 Redis replicas had the lease after 50 ms.',
    })
  })

  it('tells each of a round that failed with an error of its own', async () => {
    const confirming = confirmationOf(1)
    const calls = [held, held, held].map((leaseId) => confirming.confirm('s', told(leaseId)))
    const errors = (await Promise.allSettled(calls)).map(
      (outcome): unknown => outcome.status === 'rejected' && outcome.reason,
    )
    expect(rounds).toBe(2)
    for (const error of errors) expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect(new Set(errors).size).toBe(3)
  })

  it('takes all that came meanwhile into the next round, and tells each its own', async () => {
    const first = confirmation.confirm('s', told(held))
    const meanwhile = [held, unknown, held].map((leaseId) => confirmation.confirm('s', told(leaseId)))
    await first
    const outcomes = await Promise.allSettled(meanwhile)
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(rounds).toBe(2)
  })
})
