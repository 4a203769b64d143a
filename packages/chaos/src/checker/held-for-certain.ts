import type { History } from '../history/history.js'

export interface Span {
  readonly semaphore: string
  readonly fence: number
  readonly leaseId: string
  readonly permits: number
  readonly from: number
  readonly until: number
}

/** The store counts whole ms of a clock that it reads in µs. */
const roundingMs = 1

/**
 * When each lease was held beyond doubt, by replies alone: from the first reply that told of it until the earliest moment at which it may have
 * ended: the deadline counted from when the request was sent, or a release or revocation that was sent, whether or not it arrived.
 */
export function heldForCertain(history: History): Span[] {
  const spans = new Map<string, { -readonly [Key in keyof Span]: Span[Key] }>()
  for (const reply of history.of('reply')) {
    const request = history.requests.get(reply.request)
    const { fence, leaseId, permits, expiresInMs, waitedMs } = reply
    if (request === undefined || reply.status !== 200 || fence === undefined || leaseId === undefined) continue
    if (permits === undefined || expiresInMs === undefined || waitedMs === undefined) continue
    const until = request.at + waitedMs + expiresInMs - roundingMs
    const key = `${request.semaphore} ${fence}`
    const span = spans.get(key)
    if (span === undefined)
      spans.set(key, { semaphore: request.semaphore, fence, leaseId, permits, from: reply.at, until })
    // A deadline never gets earlier; but between two terms nothing is certain.
    else if (reply.at <= span.until) span.until = Math.max(span.until, until)
  }
  const endings = endingsOf(history)
  return [...spans.values()].flatMap((span) => {
    const ends = [
      ...(endings.get(`${span.semaphore} ${span.leaseId}`) ?? []),
      ...(endings.get(`${span.semaphore} ${span.fence}`) ?? []),
    ]
    const until = Math.min(span.until, ...ends)
    return until > span.from ? [{ ...span, until }] : []
  })
}

/** When ending a lease was first asked for, by its id or its fence. */
export function endingsOf(history: History): Map<string, number[]> {
  const endings = new Map<string, number[]>()
  for (const { operation, semaphore, leaseId, fence, at } of history.of('request')) {
    const named = operation === 'release' ? leaseId : operation === 'revoke' ? fence : undefined
    if (named === undefined) continue
    const key = `${semaphore} ${named}`
    endings.set(key, [...(endings.get(key) ?? []), at])
  }
  return endings
}
