import { grouped, type History } from '../../history/history.js'
import type { Findings } from '../findings.js'

/** I5: every grant has a fence of its own, above all that were granted before it. */
export function fencesGrow(history: History, findings: Findings): void {
  bySamples(history, findings)
  oneLeaseEach(history, findings)
  byReplies(history, findings)
  atTheRegister(history, findings)
}

/** A lease that a sample shows and the one before does not was granted in between. */
function bySamples(history: History, findings: Findings): void {
  for (const samples of history.samples.values()) {
    samples.forEach((sample, index) => {
      const before = samples[index - 1]
      if (before === undefined) return
      const known = new Set(before.leases.map(({ fence, leaseId }) => `${leaseId} ${fence}`))
      findings.check('I5', sample.fence >= before.fence, () => ({
        at: sample.at,
        semaphore: sample.semaphore,
        text: `the last fence went back from ${before.fence} to ${sample.fence}`,
      }))
      for (const { leaseId, fence } of sample.leases) {
        if (known.has(`${leaseId} ${fence}`)) continue
        findings.check('I5', fence > before.fence, () => ({
          at: sample.at,
          semaphore: sample.semaphore,
          about: [leaseId],
          text: `a lease was granted fence ${fence} after ${before.fence} had been given out`,
        }))
      }
    })
  }
}

function oneLeaseEach(history: History, findings: Findings): void {
  const owners = new Map<string, string>()
  const owns = (semaphore: string, fence: number, leaseId: string, at: number): void => {
    const key = `${semaphore} ${fence}`
    const owner = owners.get(key) ?? leaseId
    owners.set(key, owner)
    findings.check('I5', owner === leaseId, () => ({
      at,
      semaphore,
      about: [owner, leaseId],
      text: `fence ${fence} was given to two leases`,
    }))
  }
  for (const sample of history.of('sample')) {
    for (const { leaseId, fence } of sample.leases) owns(sample.semaphore, fence, leaseId, sample.at)
  }
  for (const { request, fence, leaseId, at } of history.of('reply')) {
    const semaphore = history.requests.get(request)?.semaphore
    if (semaphore !== undefined && fence !== undefined && leaseId !== undefined) owns(semaphore, fence, leaseId, at)
  }
}

/** An id that was first sent after a fence had been told gets a higher one. */
function byReplies(history: History, findings: Findings): void {
  const firstSent = new Map<string, number>()
  for (const { operation, semaphore, leaseId, at } of history.of('request')) {
    const key = `${semaphore} ${leaseId ?? ''}`
    if (operation === 'acquire' && !firstSent.has(key)) firstSent.set(key, at)
  }
  const grants = history.of('reply').flatMap(({ request, status, fence, leaseId, at }) => {
    const asked = history.requests.get(request)
    if (asked?.operation !== 'acquire' || status !== 200 || fence === undefined || leaseId === undefined) return []
    // An id that the service made came into being with its only request.
    const sentAt = firstSent.get(`${asked.semaphore} ${leaseId}`) ?? asked.at
    return [{ semaphore: asked.semaphore, fence, leaseId, toldAt: at, sentAt }]
  })
  for (const [semaphore, told] of grouped(grants, (grant) => grant.semaphore)) {
    const bySent = [...told].sort((a, b) => a.sentAt - b.sentAt)
    let next = 0
    let highest = 0
    for (const grant of bySent) {
      for (; (told[next]?.toldAt ?? Infinity) < grant.sentAt; next += 1)
        highest = Math.max(highest, told[next]?.fence ?? 0)
      findings.check('I5', grant.fence > highest, () => ({
        at: grant.toldAt,
        semaphore,
        about: [grant.leaseId],
        text: `a lease first asked for after fence ${highest} had been told was granted ${grant.fence}`,
      }))
    }
  }
}

/** The register itself: what it took never went back. */
function atTheRegister(history: History, findings: Findings): void {
  for (const [semaphore, accesses] of grouped(history.of('access'), (access) => access.semaphore)) {
    let newest = 0
    for (const { fence, accepted, at } of accesses) {
      findings.check('I5', !accepted || fence >= newest, () => ({
        at,
        semaphore,
        text: `the register took a write with fence ${fence} after one with ${newest}`,
      }))
      if (accepted) newest = Math.max(newest, fence)
    }
  }
}
