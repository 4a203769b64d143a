import type { EventOf } from '../../history/event.js'
import type { History } from '../../history/history.js'
import type { Findings } from '../findings.js'

/**
 * I8, by the callers' account: every wait ends, at the latest when its time is over plus what an attempt that never comes back takes. A process
 * that was killed waits no more; one that was stopped or blocked is granted that time too.
 */
export function waitsEnd(history: History, findings: Findings): void {
  const ends = new Map(history.of('wait-over').map((over) => [over.call, over]))
  const gone = goneAt(history)
  const last = history.events.at(-1)?.at ?? 0
  for (const wait of history.of('wait')) {
    const over = ends.get(wait.call)
    const diedAt = gone.get(wait.by)
    if (over === undefined && diedAt !== undefined) continue
    findings.check('I8', over !== undefined, () => ({
      at: wait.at,
      semaphore: wait.semaphore,
      about: [wait.call],
      text: `${wait.act} by ${wait.by} never ended, in ${Math.round(last - wait.at)} ms`,
    }))
    const mayTakeMs = Math.min(wait.waitMs ?? Infinity, wait.abortAfterMs ?? Infinity)
    if (over === undefined || mayTakeMs === Infinity) continue
    const slackMs = (wait.abortAfterMs === null ? attemptMs : 0) + busyMs + stillMs(history, wait, over.at)
    const tookMs = over.at - wait.at
    findings.check('I8', tookMs <= mayTakeMs + slackMs, () => ({
      at: over.at,
      semaphore: wait.semaphore,
      about: [wait.call],
      text: `${wait.act} by ${wait.by} was to end after ${mayTakeMs} ms, and took ${Math.round(tookMs)} ms (${over.outcome})`,
    }))
  }
}

/** The longest an attempt goes without an answer (the SDK gives one 5 s beyond its wait), and a last one of 3 s. */
const attemptMs = 8_000
const busyMs = 3_000

function goneAt(history: History): Map<string, number> {
  const killed = history.of('fault').filter(({ fault, phase }) => fault === 'client-killed' && phase === 'begins')
  return new Map(killed.map(({ target, at }) => [target, at]))
}

/** How long the caller's process could do nothing. */
function stillMs(history: History, { by, at: from }: EventOf<'wait'>, until: number): number {
  const own = history
    .of('fault')
    .filter(({ fault, target }) => target === by && (fault === 'client-stopped' || fault === 'client-blocked'))
  let sum = 0
  let begun: number | undefined
  for (const { at, phase } of own) {
    if (phase === 'begins') begun = at
    else if (begun !== undefined) {
      sum += Math.max(0, Math.min(at, until) - Math.max(begun, from))
      begun = undefined
    }
  }
  return sum
}
