import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createScriptTable } from './script-table.js'
import type { ScriptTable, TableArgs } from './script-table.js'
import type { scripts } from '../src/redis/scripts.gen.js'

type MarkerArgs = TableArgs<typeof scripts.marker>

let table: ScriptTable
beforeEach(() => {
  table = createScriptTable()
})
afterEach(() => table.close())

const mark = (args: Partial<MarkerArgs>) =>
  table.call('marker', { seenId: '', newId: 'new', heldForMs: 0, lastFence: 0, guardMsMin: 2_000, ...args })
const lose = () => table.redis.del(`${table.keyPrefix}marker:{}`)

describe('the marker', () => {
  it('is put where there is none, and found there by the next', async () => {
    expect(await mark({ newId: 'a' })).toEqual({ kind: 'marked', id: 'a', guardMs: 0, lost: false })
    expect(await mark({ newId: 'b' })).toEqual({ kind: 'marked', id: 'a', guardMs: 0, lost: false })
    expect(await mark({ newId: 'c', seenId: 'a', heldForMs: 9_000 })).toMatchObject({ id: 'a', guardMs: 0 })
  })

  it.each([
    { heldForMs: 0, guardMs: 2_000, why: 'for the least time where no lease is known' },
    { heldForMs: 1_999, guardMs: 2_000, why: 'for the least time where the leases known end sooner' },
    { heldForMs: 60_000, guardMs: 60_000, why: 'until the last lease known has run out' },
  ])('gone, it is put anew under a guard: $why', async ({ heldForMs, guardMs }) => {
    await mark({ newId: 'a' })
    await lose()
    const found = await mark({ newId: 'b', seenId: 'a', heldForMs })
    expect(found).toEqual({ kind: 'marked', id: 'b', guardMs, lost: true })
    table.clock.advance(guardMs - 1)
    expect(await mark({ seenId: 'b' })).toMatchObject({ guardMs: 1, lost: false })
    table.clock.advance(1)
    expect(await mark({ seenId: 'b' })).toMatchObject({ guardMs: 0, lost: false })
    expect(await table.redis.hgetall(`${table.keyPrefix}marker:{}`)).toEqual({ id: 'b' })
  })

  it('keeps its guard through every look at it', async () => {
    await mark({ newId: 'a' })
    await lose()
    await mark({ newId: 'b', seenId: 'a' })
    for (const guardMs of [1_500, 1_000, 500, 0, 0]) {
      table.clock.advance(500)
      expect(await mark({ seenId: 'b' })).toEqual({ kind: 'marked', id: 'b', guardMs, lost: false })
    }
  })

  it('is guarded until the clock has passed the highest fence known', async () => {
    await mark({ newId: 'a' })
    await lose()
    const { nowMs } = table.clock
    const lastFence = (nowMs + 30_000) * 1_000 + 1
    expect(await mark({ newId: 'b', seenId: 'a', lastFence })).toMatchObject({ guardMs: 30_001 })
    table.clock.advance(30_001)
    expect(table.clock.nowUs).toBeGreaterThan(lastFence)
  })

  it('another than was seen is a loss too', async () => {
    await mark({ newId: 'restored' })
    expect(await mark({ seenId: 'a', heldForMs: 5_000 })).toMatchObject({ id: 'restored', guardMs: 5_000, lost: true })
  })

  it('has a guard that each replica makes longer, and none shorter', async () => {
    await mark({ newId: 'a' })
    await lose()
    expect(await mark({ newId: 'b', seenId: 'a' })).toMatchObject({ guardMs: 2_000 })
    table.clock.advance(500)
    expect(await mark({ newId: 'c', seenId: 'a', heldForMs: 9_000 })).toMatchObject({ id: 'b', guardMs: 9_000 })
    table.clock.advance(500)
    expect(await mark({ newId: 'd', seenId: 'a', heldForMs: 100 })).toMatchObject({ id: 'b', guardMs: 8_500 })
    // A first start while it lasts goes by it.
    expect(await mark({ newId: 'e' })).toEqual({ kind: 'marked', id: 'b', guardMs: 8_500, lost: false })
  })
})
