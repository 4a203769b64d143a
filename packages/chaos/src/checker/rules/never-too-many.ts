import { grouped, type History, type Sample } from '../../history/history.js'
import type { Findings } from '../findings.js'
import { heldForCertain } from '../held-for-certain.js'
import { limitsBetween, limitsEver } from '../limits.js'

/** I1, by the store's own account and, independently of it, by what callers were told. */
export function neverTooMany(history: History, findings: Findings): void {
  for (const samples of history.samples.values()) {
    samples.forEach((sample, index) => bySample(history, samples, sample, index, findings))
  }
  byReplies(history, findings)
}

const live = ({ leases, storeMs }: Sample) => leases.filter(({ deadlineMs }) => deadlineMs > storeMs)
const permitsOf = (leases: readonly { readonly permits: number }[]) =>
  leases.reduce((sum, { permits }) => sum + permits, 0)

/**
 * All that is live now was live when the newest of it was granted. So it must have fitted into the limit of that moment: a limit that was
 * lowered since revokes nothing.
 */
function bySample(
  history: History,
  samples: readonly Sample[],
  sample: Sample,
  index: number,
  findings: Findings,
): void {
  const held = live(sample)
  const permits = permitsOf(held)
  const isKept = (): boolean => {
    if (permits <= sample.limit) return true
    const newest = held.reduce((a, b) => (a.fence > b.fence ? a : b))
    const before = samples.slice(0, index).findLast(({ storeMs }) => storeMs < newest.grantedAtMs)
    const since = before?.at ?? -Infinity
    return permits <= Math.max(...limitsBetween(history, sample.semaphore, since, sample.at))
  }
  findings.check('I1', isKept(), () => ({
    at: sample.at,
    semaphore: sample.semaphore,
    about: held.map(({ leaseId }) => leaseId),
    text: `${permits} permits are on live leases and the limit is ${sample.limit}`,
  }))
}

/** What callers held for certain, whatever the store says: two of them beyond the limit were told so. */
function byReplies(history: History, findings: Findings): void {
  for (const [semaphore, spans] of grouped(heldForCertain(history), (span) => span.semaphore)) {
    const limit = Math.max(...limitsEver(history, semaphore))
    const turns = spans.flatMap((span) => [
      { at: span.from, permits: span.permits, span },
      { at: span.until, permits: -span.permits, span },
    ])
    turns.sort((a, b) => a.at - b.at || a.permits - b.permits)
    let held = 0
    const now = new Set<(typeof spans)[number]>()
    for (const { at, permits, span } of turns) {
      held += permits
      if (permits < 0) now.delete(span)
      else now.add(span)
      findings.check('I1', permits < 0 || held <= limit, () => ({
        at,
        semaphore,
        about: [...now].map(({ leaseId }) => leaseId),
        text: `${held} permits were held for certain by replies, and the limit was never above ${limit}`,
      }))
    }
  }
}
