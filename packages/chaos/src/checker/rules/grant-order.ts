import type { History, Sample } from '../../history/history.js'
import type { Findings } from '../findings.js'

/**
 * I3 in the order of fences: of two who were seen in the queue, the first in it gets the lower fence. One who left the queue and came back under
 * the same id has a new place, which is seen if a sample was taken between; so only ids of a single attempt count, and only while the
 * store was watched without a gap in which their replica could have been given up.
 */
export function grantOrder(history: History, findings: Findings): void {
  const attempts = new Map<string, number>()
  for (const { operation, leaseId } of history.of('request')) {
    if (leaseId !== undefined && operation === 'acquire') attempts.set(leaseId, (attempts.get(leaseId) ?? 0) + 1)
  }
  const isSure = (leaseId: string): boolean => attempts.get(leaseId) === 1
  const disturbed = disturbancesOf(history)
  for (const samples of history.samples.values()) {
    const queued = new Map<string, number>()
    const fences: { arrival: number; fence: number; leaseId: string }[] = []
    samples.forEach((sample, index) => {
      const before = samples[index - 1]
      const isWatched =
        before !== undefined && sample.at - before.from < gapMsMax && !disturbed(before.from - graceMs, sample.at)
      if (!isWatched) {
        fences.length = 0
        queued.clear()
      } else granted(before, sample, queued, fences, isSure, findings)
      for (const { leaseId, arrival } of sample.waiters) queued.set(leaseId, arrival)
    })
  }
}

const gapMsMax = 1_000
/** The service's grace, after which a waiter whose replicas are silent is dropped, and what a busy machine adds. */
const graceMs = 15_000

function granted(
  before: Sample,
  sample: Sample,
  queued: Map<string, number>,
  fences: { arrival: number; fence: number; leaseId: string }[],
  isSure: (leaseId: string) => boolean,
  findings: Findings,
): void {
  const held = new Set(before.leases.map(({ leaseId, fence }) => `${leaseId} ${fence}`))
  const fresh = sample.leases
    .filter(({ leaseId, fence }) => !held.has(`${leaseId} ${fence}`) && isSure(leaseId))
    .sort((a, b) => a.fence - b.fence)
  for (const { leaseId, fence } of fresh) {
    const arrival = queued.get(leaseId)
    if (arrival === undefined) continue
    const last = fences.at(-1)
    findings.check('I3', last === undefined || last.arrival < arrival || last.fence > fence, () => ({
      at: sample.at,
      semaphore: sample.semaphore,
      about: [leaseId, last?.leaseId ?? ''],
      text: `number ${last?.arrival ?? 0} was granted fence ${last?.fence ?? 0}, before number ${arrival}, who got ${fence}`,
    }))
    if (last === undefined || fence > last.fence) fences.push({ arrival, fence, leaseId })
  }
}

/** Whether replicas or the store were disturbed in a span. */
function disturbancesOf(history: History): (from: number, until: number) => boolean {
  const spans = history
    .of('fault')
    .filter(({ fault }) => fault.startsWith('replica') || fault.startsWith('store'))
    .map(({ at }) => at)
  return (from, until) => spans.some((at) => at >= from && at <= until)
}
