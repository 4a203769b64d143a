import type { History, Sample } from '../../history/history.js'
import type { Findings } from '../findings.js'

/**
 * I8, by the store's account. A script that makes room grants the head in the same step, so that no sample may show a head that fits beside what
 * is counted as used. Room that time makes (a lease runs out) is found by a replica's timer, or by a heartbeat; that takes a replica.
 */
export function queueAwake(history: History, findings: Findings): void {
  const isQuiet = quietness(history)
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
      const isAsleep = live + head.permits <= limit && isQuiet(at)
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
const recoveryMs = 5_000

/** Whether no fault of replicas or store is under way at this moment, or has been a little before. */
function quietness(history: History): (at: number) => boolean {
  const spans: { from: number; until: number }[] = []
  const open = new Map<string, { from: number; until: number }>()
  for (const { fault, target, phase, at } of history.of('fault')) {
    if (fault.startsWith('client')) continue
    const key = `${fault} ${target}`
    if (phase === 'begins') {
      const span = { from: at, until: Infinity }
      open.set(key, span)
      spans.push(span)
    } else {
      const span = open.get(key)
      if (span !== undefined) span.until = at + recoveryMs
    }
  }
  return (at) => !spans.some(({ from, until }) => from <= at && at <= until)
}
