import type { History, Sample } from '../../history/history.js'
import { calmness } from '../calm.js'
import type { Findings } from '../findings.js'

/**
 * I8, by the store's account. A script that makes room grants the head in the same step, so that no sample may show a head that fits beside what
 * is counted as used. Room that time makes (a lease runs out) is found by a replica's timer, or by a heartbeat; that takes a replica.
 */
export function queueAwake(history: History, findings: Findings): void {
  const isCalm = calmness(history)
  for (const samples of history.samples.values()) {
    let since: Sample | undefined
    for (const sample of samples) {
      const [head] = sample.waiters
      if (head === undefined) {
        since = undefined
        continue
      }
      const { at, semaphore, limit, used } = sample
      const about = [head.leaseId]
      findings.check('I8', used + head.permits > limit, () => ({
        at,
        semaphore,
        about,
        text: `the head of the queue wants ${head.permits}, ${used} of ${limit} are used, and it was not granted`,
      }))
      const live = sample.leases.reduce(
        (sum, lease) => sum + (lease.deadlineMs > sample.storeMs ? lease.permits : 0),
        0,
      )
      const isAsleep = live + head.permits <= limit && isCalm(at, at)
      if (!isAsleep || since?.waiters[0]?.leaseId !== head.leaseId) since = isAsleep ? sample : undefined
      if (since === undefined) continue
      const asleepMs = at - since.at
      findings.check('I8', asleepMs <= asleepMsMax, () => ({
        at,
        semaphore,
        about,
        text: `for ${Math.round(asleepMs)} ms the head of the queue has fitted beside the leases that are not over`,
      }))
    }
  }
}

/** A heartbeat heals what a timer missed, after 3 s; the rest is for a busy machine. */
const asleepMsMax = 5_000
