import type { History, Sample } from '../../history/history.js'
import type { Findings } from '../findings.js'

/**
 * I3, from two samples in a row. Who is in the queue with the same arrival number in both has waited all the time between them; so whatever was
 * granted in that time had arrived before. That needs no assumption about faults: an arrival number is given once.
 */
export function arrivalOrder(history: History, findings: Findings): void {
  for (const samples of history.samples.values()) {
    samples.forEach((sample, index) => {
      const before = samples[index - 1]
      if (before === undefined) return
      inOrder(before, findings)
      grantedInOrder(before, sample, findings)
    })
  }
}

function inOrder({ waiters, at, semaphore }: Sample, findings: Findings): void {
  const arrivals = waiters.map(({ arrival }) => arrival)
  findings.check('I3', new Set(arrivals).size === arrivals.length, () => ({
    at,
    semaphore,
    text: `two waiters share an arrival number: ${arrivals.join(', ')}`,
  }))
}

function grantedInOrder(before: Sample, after: Sample, findings: Findings): void {
  const waitingAfter = new Map(after.waiters.map(({ leaseId, arrival }) => [leaseId, arrival]))
  const stayed = before.waiters.find(({ leaseId, arrival }) => waitingAfter.get(leaseId) === arrival)
  const held = new Set(before.leases.map(({ leaseId, fence }) => `${leaseId} ${fence}`))
  const arrivals = new Map(before.waiters.map(({ leaseId, arrival }) => [leaseId, arrival]))
  const granted = after.leases.filter(({ leaseId, fence }) => !held.has(`${leaseId} ${fence}`))
  for (const { leaseId, fence } of granted) {
    if (stayed === undefined) return
    const arrival = arrivals.get(leaseId)
    findings.check('I3', arrival !== undefined && arrival < stayed.arrival, () => ({
      at: after.at,
      semaphore: after.semaphore,
      about: [leaseId, stayed.leaseId],
      text:
        `the lease with fence ${fence} ` +
        (arrival === undefined ? 'had not even queued' : `was number ${arrival}`) +
        ` and was granted before number ${stayed.arrival}, who waited all the while`,
    }))
  }
}
