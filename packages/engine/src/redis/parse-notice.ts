import type { Notice } from '../store.js'

/**
 * What scripts tell a replica (lua/lib/notices.lua), words with a space between them:
 *
 *     granted <name> <lease id> <numbers, comma between> <permits> <fence> <ttl ms> <granted at ms> <deadline ms>
 *     cancelled <name> <lease id> <numbers>
 *     deadline <name> <in ms>
 *     check <name>
 *
 * Null for anything else: a newer version of this service may share the channel during a rolling update.
 */
export function parseNotice(message: string): Notice | null {
  const [kind = '', semaphore = '', ...words] = message.split(' ')
  if (semaphore === '') return null
  const [leaseId = '', numbers = '', ...lease] = words
  switch (kind) {
    case 'granted': {
      const [permits, fence, ttlMs, grantedAtMs, deadlineMs] = lease.map(Number)
      if (permits === undefined || fence === undefined || ttlMs === undefined) return null
      if (grantedAtMs === undefined || deadlineMs === undefined) return null
      const granted = { permits, fence, ttlMs, grantedAtMs, deadlineMs, expiresInMs: ttlMs }
      return { kind, semaphore, leaseId, numbers: numbersOf(numbers), lease: granted }
    }
    case 'cancelled':
      return { kind, semaphore, leaseId, numbers: numbersOf(numbers) }
    case 'deadline':
      return { kind, semaphore, inMs: Number(leaseId) }
    case 'check':
      return { kind, semaphore }
    default:
      return null
  }
}

function numbersOf(list: string): number[] {
  return list.split(',').map(Number)
}
