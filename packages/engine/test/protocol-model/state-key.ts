import { faults } from './state.js'
import type { State } from './state.js'

/**
 * Two states with the same text have the same future. Messages have no order, so they are sorted; fences and places count only
 * by how far they lie behind the newest of their id.
 */
export function stateKey(state: State): string {
  const { fences, arrivals } = state.store
  const age = (newest: readonly number[], caller: number, number: number): number => (newest[caller] ?? 0) - number
  const parts = [
    state.store.queue.map((w) => `${w.caller}:${w.attachments.join()}:${age(arrivals, w.caller, w.arrival)}`).join(';'),
    state.store.leases
      .map(
        (l) =>
          `${l.caller}:${l.attachments.join()}:${age(fences, l.caller, l.fence)}:${l.arrival > 0 ? age(arrivals, l.caller, l.arrival) : ''}${l.reported ? 'r' : ''}`,
      )
      .sort()
      .join(';'),
    state.store.retired.join(),
    state.callers
      .map(
        (c, i) => `${c.phase}${c.attempt}${c.unsure ? '?' : ''}${c.phase === 'holding' ? age(fences, i, c.fence) : ''}`,
      )
      .join(';'),
    state.requests
      .map((q) => {
        const flags = `${q.closed ? 'c' : ''}${q.impatient ? 'i' : ''}${q.overdue ? 'o' : ''}`
        const grant = q.stage === 'granted' || q.stage === 'answered' ? age(fences, q.caller, q.fence) : ''
        const place =
          q.stage === 'waiting'
            ? `${age(fences, q.caller, q.queuedAfterFence)}.${age(arrivals, q.caller, q.arrival)}`
            : ''
        return `${q.caller}${q.attempt}${q.replica}${q.stage}${flags}${grant}/${place}`
      })
      .sort()
      .join(';'),
    state.replicas.map((r) => `${r.phase}${r.silent ? '!' : ''}`).join(),
    state.notices
      .map(
        (n) =>
          `${n.kind}${n.replica}${n.caller}${n.attempts.join()}${n.kind === 'granted' ? age(fences, n.caller, n.fence) : ''}`,
      )
      .sort()
      .join(';'),
    state.ends
      .map((e) => `${e.caller}:${e.attachment}`)
      .sort()
      .join(';'),
    state.releases
      .map((r) => `${r.caller}${r.retire ? 'r' : ''}`)
      .sort()
      .join(';'),
    faults.map((fault) => state.budget[fault]).join(''),
  ]
  return parts.join('|')
}
