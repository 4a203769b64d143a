import type { History } from '../../history/history.js'
import { calmness } from '../calm.js'
import type { Findings } from '../findings.js'

/**
 * I8, at the other end: who waited is told of its grant. By a notice, in a ms; if that was lost, by the heartbeat (3 s). Where nothing is broken no
 * notice is lost, so that most of a heartbeat's time is too late.
 */
export function toldInTime(history: History, findings: Findings): void {
  const isCalm = calmness(history)
  const granted = grantsOfWaiters(history)
  const told = new Set<string>()
  for (const { request, status, fence, at, by } of history.of('reply')) {
    const asked = history.requests.get(request)
    if (asked?.operation !== 'acquire' || status !== 200 || fence === undefined) continue
    const key = `${asked.semaphore} ${fence}`
    const seenAt = granted.get(key)
    // Who comes only after the grant, or comes again, is not told late.
    if (seenAt === undefined || told.has(key) || asked.at > seenAt - sampledEveryMs || !isCalm(seenAt, at, by)) continue
    told.add(key)
    if (isStarved(history, asked.semaphore, seenAt, at)) continue
    findings.check('I8', at - seenAt <= lateMs, () => ({
      at,
      semaphore: asked.semaphore,
      about: [request, asked.leaseId ?? ''],
      text: `${by} was told of its lease with fence ${fence} ${Math.round(at - seenAt)} ms after the store had it`,
    }))
  }
}

const lateMs = 2_000
/** Samples are taken every 50 ms, and later on a busy machine. */
const sampledEveryMs = 200

/** When a lease that was seen waiting was first seen held. */
function grantsOfWaiters(history: History): Map<string, number> {
  const grants = new Map<string, number>()
  for (const [semaphore, samples] of history.samples) {
    const waiting = new Set<string>()
    for (const { leases, waiters, at } of samples) {
      for (const { leaseId, fence } of leases) {
        const key = `${semaphore} ${fence}`
        if (waiting.has(leaseId) && !grants.has(key)) grants.set(key, at)
      }
      for (const { leaseId } of waiters) waiting.add(leaseId)
    }
  }
  return grants
}

/** A machine that cannot take its samples in time cannot be told by the clock that a reply is late. */
function isStarved(history: History, semaphore: string, from: number, until: number): boolean {
  const near = (history.samples.get(semaphore) ?? []).filter(({ at }) => at >= from - 500 && at <= until + 500)
  return near.some(({ at }, index) => at - (near[index - 1]?.at ?? at) > 500)
}
