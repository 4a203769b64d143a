import type { History } from '../../history/history.js'
import type { Findings } from '../findings.js'

/** I7: a deadline only moves away, and never further than the longest ttl that was asked for this very lease. */
export function deadlines(history: History, findings: Findings): void {
  const longest = longestTtls(history)
  for (const samples of history.samples.values()) {
    let before = new Map<number, number>()
    for (const { leases, storeMs, at, semaphore } of samples) {
      for (const { leaseId, fence, deadlineMs } of leases) {
        const was = before.get(fence) ?? -Infinity
        findings.check('I7', deadlineMs >= was, () => ({
          at,
          semaphore,
          about: [leaseId],
          text: `the deadline of the lease with fence ${fence} came ${Math.round(was - deadlineMs)} ms closer`,
        }))
        const ttlMs = longest.get(leaseId)
        // One whose reply was lost, of an id that the service made, is nobody's.
        if (ttlMs === undefined) continue
        const leftMs = Math.floor(deadlineMs - storeMs)
        findings.check('I7', leftMs <= ttlMs, () => ({
          at,
          semaphore,
          about: [leaseId],
          text: `the lease with fence ${fence} has ${leftMs} ms left, and nobody asked for more than ${ttlMs}`,
        }))
      }
      before = new Map(leases.map(({ fence, deadlineMs }) => [fence, deadlineMs]))
    }
  }
}

function longestTtls(history: History): Map<string, number> {
  const longest = new Map<string, number>()
  const add = (leaseId: string | undefined, ttlMs: number | undefined): void => {
    if (leaseId !== undefined && ttlMs !== undefined) longest.set(leaseId, Math.max(longest.get(leaseId) ?? 0, ttlMs))
  }
  for (const { leaseId, ttlMs } of history.of('request')) add(leaseId, ttlMs)
  for (const { request, leaseId } of history.of('reply')) add(leaseId, history.requests.get(request)?.ttlMs)
  return longest
}
