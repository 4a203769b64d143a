import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRedisStore } from '../src/redis/redis-store.js'
import { callText, decodeReplies, decodeReply, encodeArgs, encodeKeys } from '../src/redis/script-wire.js'
import type { ScriptOfMany, ScriptSpec } from '../src/redis/script-spec.js'
import { createScriptTable, redisUrl } from './script-table.js'
import type { ScriptTable } from './script-table.js'

const spec: ScriptSpec = {
  name: 'touch',
  keys: ['state', 'leases'],
  args: { leaseId: 'string', ttlMs: 'int', isNew: 'bool', open: 'strings' },
  replies: { held: { fence: 'int', nearestInMs: 'int?', bounded: 'bool', ids: 'strings' }, gone: {} },
}

describe('a script call on the wire', () => {
  it('puts keys and arguments in the order of the header', () => {
    const args = { open: ['a', 'b'], isNew: true, ttlMs: 5, leaseId: 'x' }
    const sent: string[] = []
    encodeKeys(spec, spec.keys, { leases: 'L', state: 'S', other: 'O' }, sent)
    encodeArgs(spec, spec.args, args, sent)
    expect(sent).toEqual(['S', 'L', 'x', '5', '1', 'a', 'b'])
    expect(() => encodeKeys(spec, spec.keys, { leases: 'L' }, sent)).toThrow('touch was called without state')
    expect(() => encodeArgs(spec, spec.args, { ...args, ttlMs: null }, sent)).toThrow('touch was called without ttlMs')
  })

  it('reads integers that come as numbers or as text, absent ones, and the rest', () => {
    expect(decodeReply(spec, ['held', 3, '1700000000000123', '', 1, 'a', 'b'])).toEqual({
      expired: 3,
      reply: { kind: 'held', fence: 1700000000000123, nearestInMs: null, bounded: true, ids: ['a', 'b'] },
    })
    expect(decodeReply(spec, ['gone', 0])).toEqual({ expired: 0, reply: { kind: 'gone' } })
    expect(decodeReply(spec, ['held', 0, 1, '', 0]).reply).toMatchObject({ bounded: false, ids: [] })
  })

  it.each([
    ['another tag', ['lost', 0], /replied \["lost",0\], which its header does not declare/],
    ['no array', 'OK', /does not declare/],
    ['a property of every object as tag', ['toString', 0], /does not declare/],
    ['too few fields', ['held', 0, 1], /held with 1 fields, its header declares 4/],
    ['too many fields', ['gone', 0, 1], /gone with 1 fields, its header declares 0/],
    ['a fence in exponent form that lost digits', ['held', 0, '1.7e+15.5', '', 1], /is not an integer/],
    ['nothing where an integer belongs', ['held', 0, null, '', 1], /null is not an integer/],
    ['an integer too large to be exact', ['held', 0, '9007199254740993', '', 1], /is not an integer/],
  ])('refuses %s', (_, reply, message) => {
    expect(() => decodeReply(spec, reply)).toThrow(message)
  })
})

describe('one of many calls on the wire', () => {
  const many: ScriptOfMany = {
    ...spec,
    text: '',
    sha1: '',
    each: { keys: [], args: { leaseId: 'string', permits: 'int', isNew: 'bool' } },
  }

  it('is a list in the order of the header, and no half of a surrogate pair', () => {
    expect(callText(many, { isNew: false, permits: 2, leaseId: 'a"\ud83d' })).toBe('["a\\"\ufffd",2,false]')
    expect(() => callText(many, { isNew: false, leaseId: 'a' })).toThrow('touch was called without permits')
  })
})

describe('the reply to many calls', () => {
  const two = [
    ['gone', 0],
    ['held', 2, 1, '', 0],
  ]

  it('is a reply for each, and behind them what is told', () => {
    const { replies, told } = decodeReplies(spec, JSON.stringify(two), 2)
    expect(replies.map(({ reply }) => reply.kind)).toEqual(['gone', 'held'])
    expect(told).toEqual([])
    expect(decodeReplies(spec, JSON.stringify([...two, ['check s', 'check t']]), 2)).toEqual({
      replies,
      told: ['check s', 'check t'],
    })
  })

  it('is refused when what is told is no text', () => {
    expect(() => decodeReplies(spec, JSON.stringify([...two, ['gone', 0]]), 2)).toThrow('0 is not a string')
  })

  it.each([
    ['fewer', JSON.stringify([['gone', 0]])],
    ['more', JSON.stringify(Array(4).fill(['gone', 0]))],
    ['more, and no list', JSON.stringify([['gone', 0], ['gone', 0], 'gone'])],
    ['no list', '"OK"'],
    [
      'no text',
      [
        ['gone', 0],
        ['gone', 0],
      ],
    ],
  ])('is refused when there are not as many: %s', (_, raw) => {
    expect(() => decodeReplies(spec, raw, 2)).toThrow(/to 2 calls/)
  })
})

describe('the store on a virtual clock', () => {
  let table: ScriptTable
  beforeEach(() => {
    table = createScriptTable()
  })
  afterEach(() => table.close())

  it('tells its observer of every call and of the leases that ran out, and heartbeats in steps', async () => {
    const called = vi.fn<(event: { operation: string; ok: boolean; durationMs: number }) => void>()
    const expired = vi.fn<(event: { semaphore: string; leases: number }) => void>()
    const store = createRedisStore({
      url: redisUrl(),
      keyPrefix: table.keyPrefix,
      observer: { called, expired },
      ...table.virtualClock,
    })
    await vi.waitFor(() => store.ping())
    const create = { limit: 2_000, bounded: true, onConflict: 'keep' } as const
    const request = { semaphore: 's', permits: 1, ttlMs: 1_000, enqueue: false, holder: '', create }
    const open = Array.from({ length: 1_200 }, (_, number) => ({ leaseId: randomUUID(), number }))
    const held = open.slice(0, 1_100)
    await Promise.all(
      held.map(({ leaseId, number }) => store.acquire({ ...request, leaseId, attachment: { replica: 'r1', number } })),
    )
    called.mockClear()
    const { states } = await store.heartbeat({ semaphore: 's', replica: 'r1', open })
    expect(states.map(({ kind }) => kind)).toEqual(open.map((_, i) => (i < held.length ? 'granted' : 'unknown')))
    expect(states[7]).toMatchObject({ lease: { grantedAtMs: table.clock.nowMs, expiresInMs: 1_000 } })
    expect(called.mock.calls.map(([{ operation, ok }]) => [operation, ok])).toEqual([
      ['heartbeat', true],
      ['heartbeat', true],
    ])
    expect(expired).not.toHaveBeenCalled()
    table.clock.advance(1_000)
    expect(await store.inspect({ semaphore: 's' })).toMatchObject({ state: { used: 0 } })
    // The rest of them a later script takes out.
    expect(await store.inspect({ semaphore: 's' })).toMatchObject({ state: { used: 0 } })
    expect(expired.mock.calls).toEqual([[{ semaphore: 's', leases: 1_000 }], [{ semaphore: 's', leases: 100 }]])
    await store.close()
    await expect(store.inspect({ semaphore: 's' })).rejects.toThrow()
    expect(called.mock.calls.at(-1)?.[0]).toMatchObject({ operation: 'inspect', ok: false })
  })
})
