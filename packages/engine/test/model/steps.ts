import fc from 'fast-check'

/** What a random run does next. Small numbers, so that ids, permits and deadlines collide all the time. */
export interface Step {
  /** Time that passes before the command, µs. */
  readonly afterUs: number
  readonly semaphore: string
  readonly does: Deed
}

export type Deed =
  | {
      readonly kind: 'acquire'
      readonly id: number
      /** Null: as many as this id was last asked for with, so that repeats are repeats. */
      readonly permits: number | null
      readonly ttlMs: number
      readonly enqueue: boolean
      readonly replica: number
      /** Ask again as the attachment that this replica used last for the id. */
      readonly sameAttachment: boolean
      readonly create: {
        readonly limit: number
        readonly bounded: boolean
        readonly onConflict: 'keep' | 'error'
      } | null
    }
  // Of the acquires sent before, counted from the last: an id that nobody asked for is of little interest.
  | { readonly kind: 'release'; readonly recent: number; readonly retire: boolean }
  | { readonly kind: 'renew'; readonly recent: number; readonly ttlMs: number }
  | { readonly kind: 'end'; readonly recent: number; readonly unlessHeld: boolean }
  | { readonly kind: 'reap'; readonly replica: number }
  | { readonly kind: 'heartbeat'; readonly replica: number }
  | { readonly kind: 'configure'; readonly limit: number; readonly bounded: boolean | null }
  | { readonly kind: 'addPermits'; readonly permits: number; readonly request: number }
  | { readonly kind: 'remove'; readonly force: boolean }
  | { readonly kind: 'inspect' }
  | { readonly kind: 'leases'; readonly pageSize: number }
  | { readonly kind: 'waiters'; readonly pageSize: number }
  | { readonly kind: 'revoke'; readonly which: number }
  | { readonly kind: 'semaphores'; readonly pageSize: number }

const id = fc.nat({ max: 5 })
const recent = fc.nat({ max: 5 })
const replica = fc.nat({ max: 2 })
const ttlMs = fc.constantFrom(40, 300, 1_000, 1_000, 4_000, 4_000)
const limit = fc.constantFrom(0, 1, 2, 2, 3, 3, 5)
const pageSize = fc.integer({ min: 1, max: 3 })

const create = fc.record({
  limit,
  bounded: fc.constantFrom(true, true, true, true, true, true, true, true, true, true, false),
  onConflict: fc.constantFrom('keep' as const, 'keep' as const, 'keep' as const, 'error' as const),
})

const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      kind: fc.constant('acquire' as const),
      id,
      permits: fc.constantFrom(null, null, null, null, 1, 1, 2, 3),
      ttlMs,
      enqueue: fc.constantFrom(true, true, true, false),
      replica,
      sameAttachment: fc.constantFrom(false, false, true),
      create: fc.option(create, { freq: 3 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('release' as const),
      recent,
      retire: fc.constantFrom(false, false, true),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('renew' as const), recent, ttlMs }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      recent,
      unlessHeld: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reap' as const), replica }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('heartbeat' as const), replica }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('configure' as const),
      limit,
      bounded: fc.constantFrom(null, null, null, null, null, null, null, null, null, null, false, true),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('addPermits' as const),
      permits: fc.integer({ min: 1, max: 2 }),
      request: fc.nat({ max: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), force: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('inspect' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leases' as const), pageSize }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('waiters' as const), pageSize }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('revoke' as const), which: fc.nat({ max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('semaphores' as const), pageSize }) },
)

/**
 * Mostly no time at all, or a little; sometimes past a lease, now and then past the grace, or back. Kept so that a run of 60 steps stays
 * below a minute: Redis forgets a retired id by a TTL of its own clock, not the virtual one.
 */
const afterUs = fc.oneof(
  { weight: 9, arbitrary: fc.constant(0) },
  { weight: 4, arbitrary: fc.nat({ max: 50_000 }) },
  { weight: 2, arbitrary: fc.nat({ max: 500_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(-30_000, 39_000, 40_000, 299_000, 300_000, 1_000_000, 1_499_000, 1_500_000) },
)

export const semaphoreNames = ['s', 't']

/** One semaphore nearly all the time; the other shows that nothing leaks between two. */
const semaphore = fc.constantFrom('s', 's', 's', 's', 's', 's', 't')

const anySteps = fc.array(fc.record({ afterUs, semaphore, does: deed }), { minLength: 10, maxLength: 60, size: 'max' })

/** The same run with counting semaphores for bounded ones: of both kinds mixed, nearly every step is a conflict. */
function counting(step: Step): Step {
  const { does } = step
  if (does.kind === 'configure') return { ...step, does: { ...does, bounded: does.bounded !== null && !does.bounded } }
  if (does.kind !== 'acquire' || does.create === null) return step
  return { ...step, does: { ...does, create: { ...does.create, bounded: !does.create.bounded } } }
}

export const steps: fc.Arbitrary<Step[]> = fc
  .tuple(fc.boolean(), anySteps)
  .map(([isCounting, list]) => (isCounting ? list.map(counting) : list))

/** The grace of random runs: shorter than most runs last. */
export const modelGraceMs = 1_500

/** Few enough that queues are full now and then. */
export const modelQueueMax = 5
