import type { History } from '../../history/history.js'
import { calmness } from '../calm.js'
import type { Findings } from '../findings.js'

/**
 * I10: the waiters of a caller that was killed leave at once, for its connections are closed; if nothing else was broken. (Else the grace
 * decides, and how long that takes hangs on what else is broken.) One that was told STILL_WAITING keeps its place for the grace, whether or not it has
 * come back since.
 */
export function deadLeave(history: History, findings: Findings): void {
  const isCalm = calmness(history, ['client-killed'])
  const owners = new Map(history.of('request').map(({ leaseId, by }) => [leaseId, by]))
  const toldAt = toldToComeBackAt(history)
  const killed = history.of('fault').filter(({ fault, phase }) => fault === 'client-killed' && phase === 'begins')
  for (const { target, at: killedAt } of killed) {
    for (const { waiters, at, semaphore } of history.of('sample')) {
      if (at < killedAt + leaveWithinMs || at > killedAt + lookForMs || !isCalm(killedAt, at, target)) continue
      const isKept = (leaseId: string) => at < (toldAt.get(leaseId) ?? -Infinity) + keptForMs
      const left = waiters.filter(({ leaseId }) => owners.get(leaseId) === target && !isKept(leaseId))
      findings.check('I10', left.length === 0, () => ({
        at,
        semaphore,
        about: left.map(({ leaseId }) => leaseId),
        text: `${left.length} waiters of ${target} are in the queue ${Math.round(at - killedAt)} ms after it was killed`,
      }))
    }
  }
}

/** By lease id, when its caller was told STILL_WAITING, at the latest: an acquire in a batch is told so at once, but perhaps nobody was left to read it. */
function toldToComeBackAt(history: History): ReadonlyMap<string | undefined, number> {
  const answered = new Set(history.of('reply').map(({ request }) => request))
  const inDoubt = history.of('request').filter(({ request, inBatch }) => inBatch === true && !answered.has(request))
  const told = history.of('reply').filter(({ code }) => code === 'STILL_WAITING')
  // What is on its way when its caller dies, the service answers within the time-out of the caller's attempt.
  const latest = [...told, ...inDoubt.map(({ leaseId, at }) => ({ leaseId, at: at + attemptMsMax }))]
  return new Map(latest.sort((a, b) => a.at - b.at).map(({ leaseId, at }) => [leaseId, at]))
}

const leaveWithinMs = 2_500
/** The grace, and a little for a busy machine. */
const keptForMs = 11_000
const attemptMsMax = 5_000
const lookForMs = 20_000
