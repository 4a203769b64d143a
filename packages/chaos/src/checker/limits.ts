import type { History } from '../history/history.js'

/** The limits that may have been in force at some moment of a span: those sampled, and those that were being asked for. */
export function limitsBetween(history: History, semaphore: string, from: number, until: number): number[] {
  const samples = history.samples.get(semaphore) ?? []
  const limits = samples.filter(({ at, from: begun }) => at >= from && begun <= until).map(({ limit }) => limit)
  // Whoever created it did so before it was first seen, and the limit may have been another by then.
  const mayBeCreated = from < (samples[0]?.from ?? Infinity)
  const replies = new Map(history.of('reply').map((reply) => [reply.request, reply.at]))
  const asked = history
    .of('request')
    .filter(
      ({ semaphore: of, at, request }) => of === semaphore && at <= until && (replies.get(request) ?? Infinity) >= from,
    )
  let grown = 0
  for (const { operation, limit = 0, permits = 0 } of asked) {
    if (operation === 'configure' || (operation === 'acquire' && mayBeCreated)) limits.push(limit)
    if (operation === 'add-permits') grown += permits
  }
  // Grown from whichever was the largest: also from one that was set and replaced between two samples.
  return [...limits, Math.max(0, ...limits) + grown]
}

export function limitsEver(history: History, semaphore: string): number[] {
  return limitsBetween(history, semaphore, -Infinity, Infinity)
}
