import { describe, expect, it } from 'vitest'
import { Chaos, type Trouble } from './room/chaos.js'
import { Seeded } from './room/seeded.js'
import { settled } from './room/virtual-clock.js'
import { createWorld, request, watch, type World } from './room/world.js'

// A failure names its seed; `SEED=… vitest run room-races` runs that one alone.
const onlySeed = process.env['SEED']

function seeds(count: number): number[] {
  return onlySeed === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [Number(onlySeed)]
}

async function inWorld(test: (world: World) => Promise<void>): Promise<void> {
  const world = createWorld()
  try {
    await test(world)
  } finally {
    await world.close()
  }
}

describe('races', () => {
  it('a cancel that races the grant loses no permit, whatever is late', { timeout: 60_000 }, async () => {
    const kinds = new Map<string, number>()
    for (const seed of seeds(1_000)) {
      await inWorld(async (world) => {
        const random = new Seeded(seed)
        const replicas = [world.replica(), world.replica()] as const
        await world.hold('holder')
        const cancelled = replicas[0].engine.acquire(request('a', { waitMs: 20_000 }))
        const first = watch(cancelled)
        await settled()
        const next = replicas[1].engine.acquire(request('b', { waitMs: 20_000 }))
        const second = watch(next)
        await settled()
        for (const { network } of replicas) {
          network.fateOf = () => ({ thereMs: random.between(0, 6), backMs: random.between(0, 6) })
          network.waysOf = () => [random.between(0, 6)]
        }
        world.clock.setTimeout(() => cancelled.close(), random.between(0, 12))
        world.clock.setTimeout(() => void world.release('holder'), random.between(0, 12))
        await world.clock.advance(100)
        expect(second.kind, `seed ${seed}`).toBe('granted')
        next.delivered()
        await world.release('b')
        expect(await world.inspect(), `seed ${seed}`).toMatchObject({ used: 0, waiting: 0 })
        kinds.set(first.kind ?? 'none', (kinds.get(first.kind ?? 'none') ?? 0) + 1)
      })
    }
    // both sides of the race were met
    if (onlySeed === undefined) expect([...kinds.keys()].sort()).toEqual(['closed', 'granted'])
  })

  it(
    'waitMs that races the grant ends in one of the two, and never in both or neither',
    { timeout: 60_000 },
    async () => {
      const kinds = new Set<string>()
      for (const seed of seeds(500)) {
        await inWorld(async (world) => {
          const random = new Seeded(seed)
          const { engine, network } = world.replica()
          await world.hold('holder')
          network.fateOf = () => ({ thereMs: random.between(0, 6), backMs: random.between(0, 6) })
          network.waysOf = () => (random.chance(0.3) ? [] : [random.between(0, 6)])
          const attempt = engine.acquire(request('a', { waitMs: 100 }))
          const waiter = watch(attempt)
          world.clock.setTimeout(() => void world.release('holder'), random.between(90, 115))
          await world.clock.advance(1_000)
          attempt.delivered()
          const used = waiter.kind === 'granted' ? 1 : 0
          expect(await world.inspect(), `seed ${seed}`).toMatchObject({ used, waiting: 0 })
          kinds.add(waiter.kind ?? 'none')
        })
      }
      if (onlySeed === undefined) expect([...kinds].sort()).toEqual(['acquire_timeout', 'granted'])
    },
  )

  const troubles: [string, number, Trouble][] = [
    ['one permit', 150, { callers: 4, limit: 1, ttlMs: 3_600_000, stalls: false, onlyClose: false }],
    [
      'two permits, replicas that stall',
      150,
      { callers: 6, limit: 2, ttlMs: 3_600_000, stalls: true, onlyClose: false },
    ],
    ['callers that only close', 150, { callers: 6, limit: 1, ttlMs: 3_600_000, stalls: true, onlyClose: true }],
    ['leases that expire', 150, { callers: 5, limit: 1, ttlMs: 2_000, stalls: true, onlyClose: false }],
  ]
  it.each(troubles)(
    'calls and notices late, lost and doubled: %s',
    { timeout: 120_000 },
    async (_word, count, trouble) => {
      for (const seed of seeds(count)) {
        await inWorld(async (world) => {
          await world.store.configure({ semaphore: 's', limit: trouble.limit, bounded: null })
          const chaos = new Chaos(world, new Seeded(seed), trouble)
          await chaos.run()
          expect(chaos.violations, `seed ${seed}`).toEqual([])
        })
      }
    },
  )
})
