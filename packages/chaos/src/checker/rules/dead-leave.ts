import type { History } from '../../history/history.js'
import { calmness } from '../calm.js'
import type { Findings } from '../findings.js'

/**
 * I10: the waiters of a caller that was killed leave at once, for its connections are closed; if nothing else was broken. (Else the grace
 * decides, and how long that takes hangs on what else is broken.) One that was told STILL_WAITING keeps its place for the grace, whether or not it has
 * come back since: an acquire in a batch is told so at once.
 */
export function deadLeave(history: History, findings: Findings): void {
  const isCalm = calmness(history, ['client-killed'])
  const owners = new Map(history.of('request').map(({ leaseId, by }) => [leaseId, by]))
  const toldToComeBackAt = new Map<string | undefined, number>()
  for (const { code, leaseId, at } of history.of('reply'))
    if (code === 'STILL_WAITING') toldToComeBackAt.set(leaseId, at)
  const killed = history.of('fault').filter(({ fault, phase }) => fault === 'client-killed' && phase === 'begins')
  for (const { target, at: killedAt } of killed) {
    for (const { waiters, at, semaphore } of history.of('sample')) {
      if (at < killedAt + leaveWithinMs || at > killedAt + lookForMs || !isCalm(killedAt, at, target)) continue
      const isKept = (leaseId: string) => at < (toldToComeBackAt.get(leaseId) ?? -Infinity) + keptForMs
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

const leaveWithinMs = 2_500
/** The grace, and a little for a busy machine. */
const keptForMs = 11_000
const lookForMs = 20_000
