import type { History } from '../../history/history.js'
import type { Findings } from '../findings.js'
import { endingsOf } from '../held-for-certain.js'

/**
 * I11 and I13: nobody is told, or goes on believing, that it holds what the store no longer has. A holder whose signal has not aborted has not reached
 * its local deadline, which is never later than the store's; so a sample taken before that moment must show the lease alive. Only who takes it
 * away (a release, a revocation) may come between.
 */
export function beliefs(history: History, findings: Findings): void {
  const endings = endingsOf(history)
  const isOver = (semaphore: string, fence: number, at: number): boolean => {
    const sample = history.sampleBefore(semaphore, at)
    if (sample === undefined || sample.fence < fence) return false
    const lease = sample.leases.find((each) => each.fence === fence)
    return lease === undefined || lease.deadlineMs <= sample.storeMs
  }
  const leaseIds = leaseIdsByFence(history)
  const wasEnded = (semaphore: string, fence: number, at: number): boolean => {
    const leaseId = leaseIds.get(`${semaphore} ${fence}`) ?? ''
    const asked = [...(endings.get(`${semaphore} ${fence}`) ?? []), ...(endings.get(`${semaphore} ${leaseId}`) ?? [])]
    return asked.some((ending) => ending <= at)
  }
  for (const { semaphore, fence, at, by } of history.of('believes')) {
    const isKept = !isOver(semaphore, fence, at) || wasEnded(semaphore, fence, at)
    findings.check('I11', isKept, () => ({
      at,
      semaphore,
      about: [leaseIds.get(`${semaphore} ${fence}`) ?? ''],
      text: `${by} believed to hold the lease with fence ${fence}, which the store had no longer`,
    }))
  }
  for (const { request, fence, status, at } of history.of('reply')) {
    const asked = history.requests.get(request)
    if (asked?.operation !== 'acquire' || status !== 200 || fence === undefined) continue
    const isKept = !isOver(asked.semaphore, fence, asked.at) || wasEnded(asked.semaphore, fence, at)
    findings.check('I13', isKept, () => ({
      at,
      semaphore: asked.semaphore,
      about: [request, leaseIds.get(`${asked.semaphore} ${fence}`) ?? ''],
      text: `an acquire was told of the lease with fence ${fence}, which had been over before it was sent`,
    }))
  }
}

function leaseIdsByFence(history: History): Map<string, string> {
  const ids = new Map<string, string>()
  for (const sample of history.of('sample')) {
    for (const { fence, leaseId } of sample.leases) ids.set(`${sample.semaphore} ${fence}`, leaseId)
  }
  for (const { request, fence, leaseId } of history.of('reply')) {
    const semaphore = history.requests.get(request)?.semaphore
    if (semaphore !== undefined && fence !== undefined && leaseId !== undefined)
      ids.set(`${semaphore} ${fence}`, leaseId)
  }
  return ids
}
