import type { AcquireOutcome as EngineOutcome, Engine } from '@signalbox/engine'
import type { AcquireOutcome, Opened, Subject } from './subject.js'

function outcomeOf(outcome: EngineOutcome): AcquireOutcome {
  switch (outcome.kind) {
    case 'granted':
      return { kind: 'granted', lease: outcome.lease }
    case 'still_waiting':
      return { kind: 'still_waiting', position: outcome.position }
    case 'permits_unavailable':
    case 'acquire_timeout':
    case 'overloaded':
    case 'shutting_down':
    case 'closed':
    case 'semaphore_not_found':
    case 'limit_conflict':
    case 'permits_exceed_limit':
    case 'lease_id_conflict':
    case 'queue_full':
    case 'wait_cancelled':
      return { kind: outcome.kind }
  }
}

/** An engine as a subject: what it answers counts as delivered, as a reply that was written does. */
export function engineSubject(engine: Engine, limitMax: number): Subject {
  function acquire(call: Parameters<Subject['acquire']>[0]): Opened {
    const attempt = engine.acquire(call)
    const outcome = attempt.outcome.then((answer) => {
      attempt.delivered()
      return outcomeOf(answer)
    })
    return { outcome, close: () => attempt.close() }
  }
  return {
    acquire,
    release: (call) => engine.release(call),
    renew: async (call) => {
      const reply = await engine.renew(call)
      if (reply.kind !== 'renewed') return reply
      return { kind: 'renewed', expiresInMs: reply.lease.expiresInMs, fence: reply.lease.fence }
    },
    configure: (call) => engine.configure(call),
    addPermits: (call) => engine.addPermits({ ...call, limitMax }),
    remove: (call) => engine.remove(call),
    inspect: (semaphore) => engine.inspect({ semaphore }),
    leases: (call) => engine.leases(call),
    waiters: (call) => engine.waiters(call),
    revoke: async (call) => {
      const reply = await engine.revoke(call)
      return reply.kind === 'released' ? reply : { kind: 'lease_not_held' }
    },
    semaphores: (call) => engine.semaphores(call),
  }
}
