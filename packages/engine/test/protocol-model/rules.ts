import type { Fault } from './state.js'

/** The rules of the protocol, each with the simpler ones that were tried. docs/spec.md, section 2, states the final ones. */
export interface Rules {
  /**
   * Whom a closed request's end concerns. `id`: whoever it is. `last attempt`, `creator`: the id has one owner, the newest attempt to
   * arrive, or the one that began until a repeat finds the lease held. `replicas`: a set of replica ids. `attachments`: a set of requests.
   */
  readonly owner: 'id' | 'last attempt' | 'creator' | 'replicas' | 'attachments'
  /** What an acquire on a held id does to the lease's attachments. */
  readonly repeatOnHeld: 'clears' | 'clears unless it is among them' | 'joins'
  /** A heartbeat that finds an open request unknown runs its acquire again. */
  readonly rerun: boolean
  /** A grant is reported only if the attachment is on that very lease and its ttl cannot have passed. */
  readonly check: boolean
  /** A notice of a grant that is older than the last `queued` reply is not believed. */
  readonly datesNotices: boolean
  /** Cancelled ids, and those released with `retire`, are refused. */
  readonly retire: boolean
  /** waitMs is over: what `end` with unlessHeld answers when the lease is held, but not with this attachment. */
  readonly waitOverOnAdopted: 'times out' | 'adopts'
  /** A request that is told `cancelled` ends its attachment too: the notice may be old, and the id queued anew since. */
  readonly endsWhenCancelled: boolean
}

const final: Rules = {
  owner: 'attachments',
  repeatOnHeld: 'clears unless it is among them',
  rerun: true,
  check: true,
  datesNotices: true,
  retire: true,
  waitOverOnAdopted: 'adopts',
  endsWhenCancelled: true,
}

const withoutHealing = { rerun: false, check: false, retire: false, repeatOnHeld: 'clears' } as const

export const variants = {
  final,
  'close by id': { ...final, ...withoutHealing, owner: 'id' },
  'last attempt owns': { ...final, ...withoutHealing, owner: 'last attempt' },
  'creator owns until repeated': { ...final, ...withoutHealing, owner: 'creator' },
  'set of replicas': { ...final, ...withoutHealing, owner: 'replicas' },
  'no re-run': { ...final, rerun: false },
  'no check of the fence': { ...final, check: false },
  'no retire': { ...final, retire: false },
  'repeat always clears': { ...final, repeatOnHeld: 'clears' },
  'repeat joins': { ...final, repeatOnHeld: 'joins' },
  'old notices believed': { ...final, datesNotices: false },
  'wait over times out': { ...final, waitOverOnAdopted: 'times out' },
  'cancelled ends nothing': { ...final, endsWhenCancelled: false },
} as const satisfies Record<string, Rules>

export type Variant = keyof typeof variants

export interface Scenario {
  readonly rules: Rules
  readonly callers: number
  readonly limit: number
  readonly faults: readonly Fault[]
  /** How often each fault may happen in one run. */
  readonly faultsMax: number
  readonly attempts: number
  /**
   * `retires`: after an abort, a time-out or more than one attempt the caller releases with `retire`, as the SDK does. `plain`: it releases
   * what it knows that it holds, and else just closes, as curl does.
   */
  readonly manners: 'retires' | 'plain'
  /** Some proxy hides every close of a caller. */
  readonly hidesCloses: boolean
}
