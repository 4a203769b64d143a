import { grouped, type History } from '../../history/history.js'
import type { Findings } from '../findings.js'
import { heldForCertain } from '../held-for-certain.js'

/** I4: an acquire that is repeated while its id holds a lease for certain is told of that lease. */
export function oneLeasePerId(history: History, findings: Findings): void {
  const spans = grouped(heldForCertain(history), ({ semaphore, leaseId }) => `${semaphore} ${leaseId}`)
  for (const { request, status, leaseId, fence, at } of history.of('reply')) {
    const asked = history.requests.get(request)
    if (asked?.operation !== 'acquire' || status !== 200 || leaseId === undefined) continue
    const held = (spans.get(`${asked.semaphore} ${leaseId}`) ?? []).find(
      ({ from, until }) => from <= asked.at && at <= until,
    )
    if (held === undefined) continue
    findings.check('I4', held.fence === fence, () => ({
      at,
      semaphore: asked.semaphore,
      about: [leaseId, request],
      text: `the id that held fence ${held.fence} was granted ${fence ?? 0} beside it`,
    }))
  }
}
