import { callerOf, isLive, leaseOf, liveRequestOf, waiterOf } from './state.js'
import type { Attachment, Lease, Request, State, Waiter } from './state.js'

/** What must never be, by the invariant of docs/spec.md that it breaks. */
export const violationNames = [
  'I1: more leases than the limit',
  'I1: more callers hold than the limit',
  'I1: an old request gave back a lease that its caller holds',
  'I3: an old request took a caller that waits off the queue',
  'I3: a head that fits is not granted',
  'I4: an old request gave back a lease whose grant is on its way to its caller',
  'I13: a lease that is gone is reported as held',
  'I2: an orphan lease that nobody was told of, which comes back with its ttl only',
  'I2: an orphan lease whose 200 nobody read, which comes back with its ttl only',
  'I10: an orphan waiter, which will be granted and then cost its ttl',
  'I8: a caller waits that the store does not know',
  'I8: a caller was told that it waited in vain, and its id is held',
] as const
export type Violation = (typeof violationNames)[number]

/** Collects what one step of the model breaks. */
export class Violations {
  readonly found = new Set<Violation>()

  /** An end empties the set of a waiter. */
  waiterEnded(state: State, waiter: Waiter, by: Attachment): void {
    const victim = liveRequestOf(state, waiter.caller)
    if (victim === undefined || by === `${victim.replica}.${victim.attempt}`) return
    if (victim.stage === 'waiting' && victim.arrival === waiter.arrival) {
      this.found.add('I3: an old request took a caller that waits off the queue')
    }
  }

  /** An end empties the set of a lease. */
  leaseEnded(state: State, lease: Lease, by: Attachment): void {
    const caller = callerOf(state, lease.caller)
    if (caller.phase === 'holding' && caller.fence === lease.fence) {
      this.found.add('I1: an old request gave back a lease that its caller holds')
    }
    const victim = liveRequestOf(state, lease.caller)
    if (victim === undefined || by === `${victim.replica}.${victim.attempt}`) return
    const isAnswered = victim.stage === 'answered' && victim.fence === lease.fence && !victim.overdue
    const isItsTurn = victim.stage === 'waiting' && lease.arrival > 0 && victim.arrival === lease.arrival
    if (isAnswered || isItsTurn) {
      this.found.add('I4: an old request gave back a lease whose grant is on its way to its caller')
    }
  }

  /** A replica writes a 200. */
  reported(state: State, request: Request): void {
    const lease = leaseOf(state, request.caller)
    if (lease?.fence === request.fence) lease.reported = true
    else if (isLive(state, request)) {
      this.found.add('I13: a lease that is gone is reported as held')
    }
  }

  /** A caller is told that its wait is over. */
  toldInVain(state: State, request: Request): void {
    if (isLive(state, request) && leaseOf(state, request.caller) !== undefined) {
      this.found.add('I8: a caller was told that it waited in vain, and its id is held')
    }
  }

  /** What holds in every state. */
  inspect(state: State, limit: number): void {
    if (state.store.leases.length > limit) this.found.add('I1: more leases than the limit')
    if (state.callers.filter((caller) => caller.phase === 'holding').length > limit) {
      this.found.add('I1: more callers hold than the limit')
    }
    state.callers.forEach((caller, index) => {
      if (caller.phase === 'holding' && leaseOf(state, index)?.fence !== caller.fence) {
        this.found.add('I13: a lease that is gone is reported as held')
      }
    })
  }

  /** What holds once nothing more can happen by itself. */
  inspectQuiet(state: State, limit: number): void {
    const orphans = state.store.leases.filter((lease) => callerOf(state, lease.caller).phase !== 'holding')
    for (const { reported } of orphans) {
      this.found.add(
        reported
          ? 'I2: an orphan lease whose 200 nobody read, which comes back with its ttl only'
          : 'I2: an orphan lease that nobody was told of, which comes back with its ttl only',
      )
    }
    if (state.store.queue.some((waiter) => callerOf(state, waiter.caller).phase !== 'asking')) {
      this.found.add('I10: an orphan waiter, which will be granted and then cost its ttl')
    }
    if (state.store.queue.length > 0 && state.store.leases.length < limit) {
      this.found.add('I3: a head that fits is not granted')
    }
    // A caller behind an orphan lease waits for that lease's ttl: reported above, once.
    state.callers.forEach((caller, index) => {
      if (caller.phase === 'asking' && leaseOf(state, index) === undefined && waiterOf(state, index) === undefined) {
        this.found.add('I8: a caller waits that the store does not know')
      }
    })
  }
}
