import type { LiveSemaphore } from '@signalbox/protocol'

/**
 * What a semaphore shows, as a signal does: somebody waits (stop), all permits are in use (caution), there is room (clear), or it is closed
 * by a limit of 0 with nobody before it.
 */
export const aspects = ['queue', 'full', 'closed', 'free'] as const
export type Aspect = (typeof aspects)[number]

export const aspectTexts: Readonly<Record<Aspect, string>> = {
  queue: 'Queue',
  full: 'Full',
  closed: 'Closed',
  free: 'Free',
}

export function aspectOf({ limit, used, waiting }: Pick<LiveSemaphore, 'limit' | 'used' | 'waiting'>): Aspect {
  if (waiting > 0) return 'queue'
  if (used > 0 && used >= limit) return 'full'
  return limit === 0 ? 'closed' : 'free'
}
