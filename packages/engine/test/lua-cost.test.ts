import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defaultStoreSettings } from '../src/store.js'
import { acquireArgs, leaseIds } from './acquire-args.js'
import { createScriptTable, redisUrl } from './script-table.js'
import type { ScriptTable } from './script-table.js'

const [a, b, c, d, e] = leaseIds

// A shorter way that is not taken any more gives the same answers, and no other test would notice. So: what calls have Redis do.
let table: ScriptTable
let monitor: Socket
let heard = ''
const acquire = (args: Parameters<typeof acquireArgs>[0]) => table.call('acquire', acquireArgs(args))
const release = (leaseId: string) => table.call('release', { leaseId, retire: false })
const renew = (leaseId: string, ttlMs: number) => table.call('renew', { leaseId, ttlMs })

beforeEach(async () => {
  table = createScriptTable()
  heard = ''
  const { hostname, port } = new URL(redisUrl())
  // ioredis takes what a busy server says first for the reply to MONITOR.
  monitor = connect(Number(port === '' ? 6379 : port), hostname)
  monitor.setEncoding('utf8')
  monitor.on('data', (text: string) => (heard += text))
  monitor.write('MONITOR\r\n')
  await once(monitor, 'data')
  await table.call('configure', { limit: 4, bounded: '1' })
})
afterEach(async () => {
  monitor.destroy()
  await table.close()
})

/** What the scripts that run meanwhile have Redis do with this table's keys, each command with its arguments. */
async function linesOf(work: () => Promise<unknown>): Promise<string[]> {
  const [before, after] = [randomUUID(), randomUUID()]
  await table.redis.echo(before)
  await work()
  await table.redis.echo(after)
  await expect.poll(() => heard.includes(after), { interval: 2, timeout: 10_000 }).toBe(true)
  const lines = heard.slice(heard.indexOf(before), heard.indexOf(after)).split('\n')
  return lines.filter((line) => line.includes(' lua] ') && line.includes(table.keyPrefix))
}

/** The names of those commands. */
async function commandsOf(work: () => Promise<unknown>): Promise<string> {
  return (await linesOf(work)).map((line) => /lua\] "(\w+)"/.exec(line)?.[1]).join(' ')
}

describe('where nobody waits and nothing has run out', () => {
  it('grants cost two writes and the state, however many come in a turn', async () => {
    expect(await commandsOf(() => acquire({ leaseId: a }))).toBe('HMGET ZCARD EXISTS ZADD HSET HSET')
    const more = () =>
      Promise.all([acquire({ leaseId: b, createLimit: 4 }), acquire({ leaseId: c }), acquire({ leaseId: d })])
    expect(await commandsOf(more)).toBe('HMGET ZCARD ZRANGE EXISTS ZMSCORE ZADD HSET HSET')
  })

  it('releases cost two writes and the state, however many come in a turn', async () => {
    for (const leaseId of [a, b, c, d]) await acquire({ leaseId })
    expect(await commandsOf(() => release(a))).toBe('HMGET ZCARD ZRANGE HMGET ZREM HDEL HSET')
    expect(await commandsOf(() => Promise.all([release(b), release(c)]))).toBe(
      'HMGET ZCARD ZRANGE HMGET ZREM HDEL HSET',
    )
    expect(await commandsOf(() => release(d))).toBe('HMGET ZCARD ZRANGE HMGET ZREM HDEL HSET')
  })

  it('a renewal costs one write and the state, and one more where the ttl is another', async () => {
    await acquire({ leaseId: a })
    expect(await commandsOf(() => renew(a, 30_000))).toBe('HMGET ZCARD ZCARD HLEN ZRANGEBYSCORE ZSCORE HGET ZADD HSET')
    expect(await commandsOf(() => renew(a, 40_000))).toBe(
      'HMGET ZCARD ZCARD HLEN ZRANGEBYSCORE ZSCORE HGET ZADD HSET HSET',
    )
  })
})

it('a look at the marker, which every replica has each second, writes nothing', async () => {
  const look = () => table.call('marker', { seenId: 'a', newId: 'a', heldForMs: 0, lastFence: 0, guardMsMin: 2_000 })
  expect(await commandsOf(look)).toBe('HMGET HSET')
  expect(await commandsOf(look)).toBe('HMGET')
})

it('a fence ahead of the clock is kept until the clock is past it and the semaphore would have idled away, and no longer', async () => {
  await acquire({ leaseId: a })
  const fence = table.clock.nowUs
  table.clock.nowUs -= 7_000_300
  const lines = await linesOf(() => table.call('remove', { force: true }))
  expect(lines.at(-1)).toContain(`:fence" "${fence}" "PX" "${7_001 + defaultStoreSettings.idleMs}"`)
})

it('the end of keys is put off only where they are new, or where it would come too soon or much too late', async () => {
  const day = 86_400_000
  const endsOf = async (work: () => Promise<unknown>): Promise<string> => {
    const found = (await linesOf(work)).map((line) => /"PEXPIRE" ".*:(\w+)" "(\d+)"/.exec(line))
    return found.flatMap((match) => (match === null ? [] : [`${match[1] ?? ''} ${Number(match[2]) - day}`])).join(', ')
  }
  const spare = day / 16
  const [soon, late] = [spare + 1_000, 2 * spare + 1_000]
  const pass = (ms: number, call: () => Promise<unknown>): Promise<unknown> => {
    table.clock.advance(ms)
    return call()
  }
  await table.call('remove', { force: true })
  const steps: [string, () => Promise<unknown>, string][] = [
    [
      'a first lease',
      () => acquire({ leaseId: a, createLimit: 3, ttlMs: 1_000 }),
      `state ${soon}, deadlines ${soon}, leases ${soon}`,
    ],
    ['a lease that ends in the time to spare', () => acquire({ leaseId: b, ttlMs: spare + 1_000 }), ''],
    [
      'a lease that ends later',
      () => acquire({ leaseId: c, ttlMs: spare + 1_001 }),
      `state ${late + 1}, deadlines ${late + 1}, leases ${late + 1}`,
    ],
    [
      'a waiter',
      () => acquire({ leaseId: d, enqueue: true }),
      `queue ${late + 1}, waiters ${late + 1}, replicas ${late + 1}`,
    ],
    ['the waiter again', () => acquire({ leaseId: d, enqueue: true }), ''],
    ['another waiter', () => acquire({ leaseId: e, enqueue: true }), ''],
    ['one waiter less', () => acquire({ leaseId: e }), ''],
    ['a hand-over', () => release(a), ''],
    ['one lease less', () => release(b), ''],
    ['one lease left', () => release(c), ''],
    ['no lease left', () => release(d), `state ${spare}`],
    ['a lease again', () => acquire({ leaseId: a, ttlMs: spare }), `deadlines ${spare}, leases ${spare}`],
    ['none again, soon enough', () => release(a), ''],
    ['a short one', () => acquire({ leaseId: a, ttlMs: 10 }), `deadlines ${spare}, leases ${spare}`],
    ['a longer one', () => acquire({ leaseId: b, ttlMs: 20 }), ''],
    ['one more when the short one is over', () => pass(10, () => acquire({ leaseId: c, ttlMs: 10 })), ''],
    [
      'one when all are',
      () => pass(10, () => acquire({ leaseId: d })),
      `deadlines ${spare - 20}, leases ${spare - 20}`,
    ],
    [
      'a waiter for all',
      () => acquire({ leaseId: e, permits: 3, enqueue: true }),
      `queue ${spare - 20}, waiters ${spare - 20}, replicas ${spare - 20}`,
    ],
    [
      'another in its place',
      () => Promise.all([acquire({ leaseId: e, permits: 3 }), acquire({ leaseId: a, permits: 3, enqueue: true })]),
      `queue ${spare - 20}, waiters ${spare - 20}, replicas ${spare - 20}`,
    ],
  ]
  for (const [what, step, ends] of steps) expect([what, await endsOf(step)]).toEqual([what, ends])
})

it('a lost key costs as much for one lease as for many', async () => {
  for (const leaseId of [a, b, c]) await acquire({ leaseId })
  await table.redis.del(`${table.keyPrefix}{${table.semaphore}}:deadlines`)
  expect(await commandsOf(() => table.call('inspect', {}))).toBe('HMGET ZCARD ZCARD EXISTS UNLINK HSET')
})

describe('a page of leases', () => {
  it('reads those on it and one more, wherever it begins', async () => {
    const listed = 'HMGET ZCARD ZCARD HLEN ZRANGEBYSCORE ZCOUNT ZRANGEBYSCORE ZRANGEBYSCORE'
    for (const [index, leaseId] of [a, b, c, d].entries()) await acquire({ leaseId, ttlMs: 1_000 + index })
    const page = (afterDeadlineMs: number) =>
      commandsOf(() => table.call('listLeases', { afterDeadlineMs, afterFence: 2 ** 52, pageSize: 1 }))
    expect(await page(0)).toBe(`${listed} HGET HGET`)
    expect(await page(table.clock.nowMs + 1_000)).toBe(`${listed} HGET HGET HGET`)
  })
})

describe('where nothing is held', () => {
  it.each([
    { what: 'a release', call: () => release(a), commands: 'HMGET ZCARD HSET' },
    { what: 'a renewal', call: () => renew(a, 1_000), commands: 'HMGET ZCARD HSET' },
    { what: 'a revocation', call: () => table.call('revoke', { leaseId: a, fence: 1 }), commands: 'HMGET ZCARD HSET' },
    {
      what: 'a cancel',
      call: () => table.call('cancel', { leaseId: a, attachment: 'r1.1', unlessHeld: false }),
      commands: 'HMGET ZCARD HSET',
    },
    {
      what: 'a heartbeat',
      call: () => table.call('heartbeat', { replica: 'r1', openCount: 1, open: [a, '1'] }),
      commands: 'HMGET ZCARD ZRANGEBYSCORE HSET',
    },
    { what: 'reaping', call: () => table.call('reap', {}), commands: 'HMGET ZCARD ZRANGEBYSCORE HSET' },
    {
      what: 'a lower limit',
      call: () => table.call('configure', { limit: 3, bounded: '' }),
      commands: 'HMGET ZCARD HSET PERSIST PERSIST PERSIST PERSIST PERSIST PERSIST HSET',
    },
    { what: 'an inspection', call: () => table.call('inspect', {}), commands: 'HMGET ZCARD' },
    {
      what: 'an acquire too large',
      call: () => acquire({ leaseId: a, permits: 5 }),
      commands: 'HMGET ZCARD EXISTS EXISTS HSET',
    },
  ])('$what looks for no lease and no waiter', async ({ call, commands }) => {
    expect(await commandsOf(call)).toBe(commands)
  })
})

describe('where somebody waits', () => {
  it.each([4, 5])('a limit of %d, which is not lower, looks at no waiter but the head', async (limit) => {
    await acquire({ leaseId: a, permits: 4 })
    await acquire({ leaseId: b, permits: 4, enqueue: true })
    const commands = await commandsOf(() => table.call('configure', { limit, bounded: '' }))
    // Of the replicas.
    expect(commands.match(/HGETALL/g)).toHaveLength(1)
  })
})

describe('where somebody waits', () => {
  beforeEach(async () => {
    await acquire({ leaseId: a, permits: 4 })
    await acquire({ leaseId: b, permits: 4, enqueue: true })
  })

  it.each([
    {
      what: 'another waiter',
      call: () => acquire({ leaseId: c, enqueue: true }),
      commands:
        'HMGET ZCARD ZCARD HLEN HLEN ZRANGEBYSCORE ZRANGE HGET HGETALL EXISTS ZSCORE HGET ZADD HSET HSET ZRANK ZRANGEBYSCORE ZRANGEBYSCORE HSET',
    },
    {
      what: 'the same again',
      call: () => acquire({ leaseId: b, permits: 4, enqueue: true }),
      commands:
        'HMGET ZCARD ZCARD HLEN HLEN ZRANGEBYSCORE ZRANGE HGET HGETALL EXISTS ZSCORE HGET HSET HSET ZRANK ZRANGE HGET ZRANGEBYSCORE ZRANGEBYSCORE HSET',
    },
    {
      what: 'a busy reply',
      call: () => acquire({ leaseId: c }),
      commands:
        'HMGET ZCARD ZCARD HLEN HLEN ZRANGEBYSCORE ZRANGE HGET HGETALL EXISTS ZSCORE HGET ZRANGEBYSCORE ZRANGEBYSCORE HSET',
    },
    {
      what: 'a hand-over',
      call: () => release(a),
      commands:
        'HMGET ZCARD ZCARD HLEN HLEN ZRANGEBYSCORE ZRANGE HGET HGETALL ZSCORE HGET ZREM HDEL ZREM HDEL ZADD HSET PUBLISH HSET DEL',
    },
    {
      what: 'a heartbeat',
      call: () => table.call('heartbeat', { replica: 'r1', openCount: 1, open: [b, '1'] }),
      commands:
        'HMGET ZCARD HSET HGETALL ZCARD HLEN HLEN ZRANGEBYSCORE ZRANGE HGET HGETALL HGET ZRANGEBYSCORE ZRANGEBYSCORE HSET',
    },
    {
      what: 'reaping',
      call: () => table.call('reap', {}),
      commands: 'HMGET ZCARD ZCARD HLEN HLEN ZRANGEBYSCORE ZRANGE HGET HGETALL ZRANGEBYSCORE ZRANGEBYSCORE HSET',
    },
    {
      what: 'an inspection',
      call: () => table.call('inspect', {}),
      commands: 'HMGET ZCARD ZCARD HLEN HLEN ZRANGEBYSCORE ZRANGE HGET HGETALL',
    },
  ])('$what', async ({ call, commands }) => {
    expect(await commandsOf(call)).toBe(commands)
  })
})
