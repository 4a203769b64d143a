import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createMemoryStore } from '../src/memory/memory-store.js'
import { createRedisStore } from '../src/redis/redis-store.js'
import type { Notice, Store, StoreSettings } from '../src/store.js'
import { type Answered, type Call, Caller, replicas, send } from './model/calls.js'
import { modelGraceMs, modelQueueMax, semaphoreNames, type Step, steps } from './model/steps.js'
import { redisUrl, virtualClockScripts } from './script-table.js'

const startUs = 1_700_000_000_000_000
/** Runs take seconds; a failure is shrunk for a minute and then told with its seed, however small it is by then. */
const shrinkForMs = 60_000
const keyPrefix = `test-${randomUUID()}:`

/** What one store said in one run: replies are compared step by step, the rest at the end. */
interface Side {
  readonly store: Store
  readonly told: Map<string, Notice[]>
  expired: number
}

let nowUs = startUs
let runs = 0
let redis: Redis

beforeAll(() => {
  redis = new Redis(redisUrl())
})

afterAll(async () => {
  const keys = await redis.keys(`${keyPrefix}*`)
  if (keys.length > 0) await redis.unlink(keys)
  redis.disconnect()
})

async function listenOn(side: Side): Promise<void> {
  for (const replica of replicas) {
    side.told.set(replica, [])
    await side.store.listen(replica, (notice) => side.told.get(replica)?.push(notice))
  }
}

/** Steps as they are, in names of this run alone: nothing that an earlier run left in Redis is met. */
function renamed(step: Step, run: string): Step {
  return { ...step, semaphore: `${run}${step.semaphore}` }
}

/** A notice on each channel after all others: once it is heard, everything was heard. */
async function hearTheEnd(side: Side, run: string): Promise<void> {
  const end = `${run}end`
  for (const replica of replicas) await redis.publish(`${keyPrefix}replica:${replica}`, `check ${end}`)
  await expect
    .poll(() => replicas.every((replica) => side.told.get(replica)?.some((one) => isOf(end, one))), { interval: 2 })
    .toBe(true)
  for (const replica of replicas) side.told.set(replica, side.told.get(replica)?.filter((one) => !isOf(end, one)) ?? [])
}

function isOf(semaphore: string, notice: Notice): boolean {
  return 'semaphore' in notice && notice.semaphore === semaphore
}

const joined: ReadonlySet<Call['to']> = new Set(['acquire', 'release', 'renew'])

/** Calls that come together: those that one turn of the event loop would send as one, or each alone. */
function turnsOf(todo: readonly Step[], together: boolean): Step[][] {
  const turns: Step[][] = []
  for (const step of todo) {
    const last = turns.at(-1)
    const [first] = last ?? []
    const joins = together && first !== undefined && joined.has(step.does.kind) && joined.has(first.does.kind)
    if (joins && step.afterUs === 0 && step.semaphore === first.semaphore) last?.push(step)
    else turns.push([step])
  }
  return turns
}

/** As a turn sends them: those of one kind together, the kinds in the order of their first. */
function inSentOrder(calls: readonly Call[]): Call[] {
  const kinds = [...new Set(calls.map(({ to }) => to))]
  return kinds.flatMap((kind) => calls.filter(({ to }) => to === kind))
}

async function compareRun(turns: readonly Step[][], memory: Side, inRedis: Side): Promise<void> {
  runs += 1
  const run = `run${runs}.`
  nowUs = startUs
  const caller = new Caller()
  const both = async (calls: readonly Call[]): Promise<Answered[]> => {
    const sent = inSentOrder(calls)
    const expected: Answered[] = []
    for (const call of sent) {
      // In Redis a lease is found by listing, in a script of its own, which settles: what it tells comes before the revocation.
      if (call.to === 'revoke')
        await memory.store.leases({ semaphore: call.with.semaphore, cursor: null, pageSize: 500 })
      expected.push(await send(memory.store, call))
    }
    const replies = new Map<Call, Answered>()
    await Promise.all(calls.map(async (call) => replies.set(call, await send(inRedis.store, call))))
    expect(sent.map((call) => replies.get(call))).toEqual(expected)
    return expected
  }
  for (const turn of turns) {
    // A script of a real server takes longer than a µs for each lease it grants. Else a fence could be the very time of the next one, and whether it
    // outlives a removal in that µs is something that the stores need not agree on.
    nowUs += (turn[0]?.afterUs ?? 0) + 20
    const calls = turn.map((step) => caller.callFor(renamed(step, run)))
    const answered = await both(
      calls.map((call) => (call.to === 'semaphores' ? { ...call, with: { ...call.with, prefix: run } } : call)),
    )
    for (const one of answered) caller.note(one)
  }
  for (const semaphore of semaphoreNames.map((name) => `${run}${name}`)) {
    await both([{ to: 'waiters', with: { semaphore, pageSize: 100 } }])
    await both([{ to: 'leases', with: { semaphore, pageSize: 100 } }])
    await both([{ to: 'inspect', with: { semaphore } }])
  }
  await hearTheEnd(inRedis, run)
  expect(inRedis.expired).toBe(memory.expired)
}

/** What a caller hears of its own request. A turn says once where the deadline is, for all its calls. */
function toCallers(told: ReadonlyMap<string, readonly Notice[]>): Record<string, Notice[]> {
  const ofRequests = (notice: Notice): boolean => notice.kind === 'granted' || notice.kind === 'cancelled'
  return Object.fromEntries([...told].map(([replica, notices]) => [replica, notices.filter(ofRequests)]))
}

/** Both stores, on the one clock. */
async function openSides(batchMax: number) {
  const settings: Partial<StoreSettings> = { graceMs: modelGraceMs, queueMax: modelQueueMax, batchMax }
  const observerOf = (side: () => Side) => ({
    called: () => undefined,
    expired: ({ leases }: { leases: number }) => (side().expired += leases),
  })
  const redisStore = createRedisStore({
    url: redisUrl(),
    keyPrefix,
    settings,
    texts: virtualClockScripts,
    extraArgs: () => [String(nowUs)],
    observer: observerOf(() => inRedis),
  })
  onTestFinished(() => redisStore.close())
  const inRedis: Side = { store: redisStore, told: new Map(), expired: 0 }
  await listenOn(inRedis)
  return {
    async compare(todo: readonly Step[], together = false): Promise<void> {
      for (const replica of replicas) inRedis.told.set(replica, [])
      inRedis.expired = 0
      const store = createMemoryStore({ settings, clock: () => nowUs, observer: observerOf(() => memory) })
      const memory: Side = { store, told: new Map(), expired: 0 }
      await listenOn(memory)
      await compareRun(turnsOf(todo, together), memory, inRedis)
      if (together) expect(toCallers(inRedis.told)).toEqual(toCallers(memory.told))
      else expect(Object.fromEntries(inRedis.told)).toEqual(Object.fromEntries(memory.told))
    },
  }
}

test.each([{ batchMax: 1_000 }, { batchMax: 2 }])(
  'says what the in-memory store says: %o',
  { timeout: 2 * shrinkForMs },
  async ({ batchMax }) => {
    const sides = await openSides(batchMax)
    await fc.assert(
      fc.asyncProperty(steps, (todo) => sides.compare(todo)),
      { numRuns: Number(process.env['SIGNALBOX_MODEL_RUNS'] ?? 150), interruptAfterTimeLimit: shrinkForMs },
    )
  },
)

test(
  'calls that one turn sends together are answered as if they came one after the other',
  { timeout: 2 * shrinkForMs },
  async () => {
    const sides = await openSides(1_000)
    await fc.assert(
      fc.asyncProperty(steps, (todo) => sides.compare(todo, true)),
      { numRuns: Number(process.env['SIGNALBOX_MODEL_RUNS'] ?? 150), interruptAfterTimeLimit: shrinkForMs },
    )
  },
)

/** What random runs meet too seldom. Each is told by the stores alone: what must come of it, their own tests say. */
describe('says the same of', () => {
  const step = (does: Step['does'], afterMs = 0): Step => ({ afterUs: afterMs * 1_000, semaphore: 's', does })
  const acquire = (id: number, more: { ttlMs?: number; replica?: number } = {}, afterMs = 0): Step => {
    const rest = { permits: 1, enqueue: true, sameAttachment: false, create: null }
    return step({ kind: 'acquire', id, ttlMs: 4_000, replica: 0, ...rest, ...more }, afterMs)
  }
  const limit = (to: number): Step => step({ kind: 'configure', limit: to, bounded: null })
  const release = (recent: number): Step => step({ kind: 'release', recent, retire: false })
  const heartbeat = (replica: number, afterMs: number): Step => step({ kind: 'heartbeat', replica }, afterMs)

  test.each<[string, Step[]]>([
    // Found by the runs above, in one of 3,000: the new lease took the place of the old one, whose permits then counted for ever.
    [
      'an id whose own lease is over, but behind the batch',
      [limit(5), ...[0, 1, 2, 3].map((id) => acquire(id, { ttlMs: 40 })), acquire(3, {}, 40)],
    ],
    [
      'a fence ahead of the clock when its semaphore is removed',
      [limit(1), acquire(0), step({ kind: 'remove', force: true }, -30), limit(1), acquire(0)],
    ],
    // Where Redis forgot the fence by its own clock once the virtual one should have passed it, a slow machine saw the stores disagree.
    [
      'a fence that the clock has passed and falls behind again',
      [
        limit(1),
        acquire(0),
        step({ kind: 'remove', force: true }, -30),
        step({ kind: 'inspect' }, 60),
        step({ kind: 'inspect' }, -60),
        limit(1),
        acquire(0),
      ],
    ],
    [
      'a deadline that comes a little closer',
      [
        limit(2),
        acquire(0, { ttlMs: 300 }),
        acquire(1),
        acquire(2, { ttlMs: 40 }),
        acquire(3, { replica: 1 }),
        release(2),
      ],
    ],
    [
      'a replica that died while another keeps the queue alive',
      [
        limit(1),
        acquire(0),
        acquire(1),
        acquire(2, { replica: 1 }),
        heartbeat(0, 1_000),
        heartbeat(0, 1_000),
        step({ kind: 'remove', force: true }),
      ],
    ],
  ])('%s', async (_what, todo) => {
    const sides = await openSides(2)
    await sides.compare(todo)
  })
})
