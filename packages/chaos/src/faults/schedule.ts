import type { FaultKind } from '../history/event.js'
import { Random } from '../random.js'

/** Something that is done to one of the processes or connections, and undone after a while. */
export interface Fault {
  readonly atMs: number
  readonly kind: FaultKind
  /** Which client or replica; 0 for the store. */
  readonly target: number
  readonly forMs: number
}

export interface Cast {
  readonly clients: number
  readonly replicas: number
}

/** How often each is chosen, and for how long it lasts, ms. */
const kinds: Readonly<
  Record<FaultKind, { readonly weight: number; readonly leastMs: number; readonly mostMs: number }>
> = {
  'client-killed': { weight: 10, leastMs: 50, mostMs: 2_000 },
  'client-stopped': { weight: 8, leastMs: 3_000, mostMs: 15_000 },
  // Longer than any ttl, and shorter.
  'client-blocked': { weight: 8, leastMs: 800, mostMs: 7_000 },
  'client-cut': { weight: 10, leastMs: 1, mostMs: 1 },
  'client-held': { weight: 8, leastMs: 1_000, mostMs: 12_000 },
  'client-slowed': { weight: 6, leastMs: 2_000, mostMs: 8_000 },
  'client-replies-lost': { weight: 8, leastMs: 300, mostMs: 5_000 },
  'replica-killed': { weight: 8, leastMs: 100, mostMs: 5_000 },
  'replica-stopped': { weight: 6, leastMs: 3_000, mostMs: 15_000 },
  'replica-rolled': { weight: 6, leastMs: 1, mostMs: 1 },
  'store-killed': { weight: 5, leastMs: 100, mostMs: 8_000 },
  'store-stopped': { weight: 3, leastMs: 3_000, mostMs: 15_000 },
  'store-cut': { weight: 8, leastMs: 1, mostMs: 1 },
  'store-held': { weight: 6, leastMs: 1_000, mostMs: 12_000 },
  'store-slowed': { weight: 5, leastMs: 2_000, mostMs: 8_000 },
  'store-replies-lost': { weight: 6, leastMs: 300, mostMs: 5_000 },
  'scripts-flushed': { weight: 5, leastMs: 1, mostMs: 1 },
}

/** The process or connection that a fault is done to: one fault at a time each, or undoing one would undo the other. */
export function victimOf({ kind, target }: Pick<Fault, 'kind' | 'target'>): string {
  if (kind.startsWith('client')) return `client ${target}`
  if (kind.startsWith('replica')) return `replica ${target}`
  if (kind === 'store-killed' || kind === 'store-stopped') return 'store'
  return kind === 'scripts-flushed' ? kind : `store connection of replica ${target}`
}

/** First the load alone; and at times nothing, so that what only shows in peace can show. */
const leadMs = 1_500
const calmPercent = 6

/** What happens in one round: the seed says it all. Every fault has ended when the round is over. */
export function scheduleOf(seed: number, round: number, forMs: number, cast: Cast): Fault[] {
  const random = new Random(seed, round)
  const weights = Object.fromEntries(Object.entries(kinds).map(([kind, { weight }]) => [kind, weight]))
  const freeAt = new Map<string, number>()
  const faults: Fault[] = []
  for (let atMs = leadMs; atMs < forMs; atMs += random.between(200, 2_500)) {
    if (random.chance(calmPercent)) atMs += 7_000
    // eslint-disable-next-line @typescript-eslint/no-unsafe-type-assertion -- Object.fromEntries says string; the keys are the kinds
    const kind = random.weighted(weights) as FaultKind
    const { leastMs, mostMs } = kinds[kind]
    const target = targetOf(kind, random, cast)
    const fault = { atMs, kind, target, forMs: random.between(leastMs, mostMs) }
    const victim = victimOf(fault)
    if ((freeAt.get(victim) ?? 0) > atMs || atMs + fault.forMs > forMs) continue
    freeAt.set(victim, atMs + fault.forMs + 500)
    faults.push(fault)
  }
  return faults
}

function targetOf(kind: FaultKind, random: Random, { clients, replicas }: Cast): number {
  if (kind.startsWith('client')) return random.between(0, clients - 1)
  if (kind.startsWith('replica') || kind.startsWith('store-')) return random.between(0, replicas - 1)
  return 0
}
