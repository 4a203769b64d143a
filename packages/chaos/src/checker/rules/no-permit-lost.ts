import type { History } from '../../history/history.js'
import type { Findings } from '../findings.js'

/** I2 and I15: the count is that of the leases there are, at every moment, and nothing is left when nobody is. */
export function noPermitLost(history: History, findings: Findings): void {
  for (const { used, leases, waiters, at, semaphore } of history.of('sample')) {
    const permits = leases.reduce((sum, lease) => sum + lease.permits, 0)
    findings.check('I15', permits === used, () => ({
      at,
      semaphore,
      about: leases.map(({ leaseId }) => leaseId),
      text: `${used} permits are counted as used, and the leases have ${permits}`,
    }))
    findings.check(
      'I15',
      waiters.every((waiter) => waiter.permits > 0),
      () => ({
        at,
        semaphore,
        text: 'the queue holds an id that is no waiter',
      }),
    )
  }
  for (const { at, semaphore, limit, used, waiting, wholeLimit, residue } of history.of('emptied')) {
    findings.check('I2', used === 0 && waiting === 0 && wholeLimit, () => ({
      at,
      semaphore,
      text: `everybody has gone; used is ${used}, waiting ${waiting}, and the limit of ${limit} could ${wholeLimit ? '' : 'not '}be acquired at once`,
    }))
    findings.check('I2', residue.length === 0, () => ({ at, semaphore, text: `left behind: ${residue.join(', ')}` }))
  }
}
