import type { History } from '../history/history.js'

interface Disturbance {
  readonly fault: string
  readonly target: string
  readonly from: number
  readonly until: number
}

/** What a fault leaves to do when it is over: reconnecting, a heartbeat. */
const recoveryMs = 5_000

/** When something was broken, and a little longer. */
function disturbances(history: History): readonly Disturbance[] {
  const all: { fault: string; target: string; from: number; until: number }[] = []
  const open = new Map<string, { until: number }>()
  for (const { fault, target, phase, at } of history.of('fault')) {
    const key = `${fault} ${target}`
    if (phase === 'begins') {
      const disturbance = { fault, target, from: at, until: Infinity }
      open.set(key, disturbance)
      all.push(disturbance)
    } else {
      const disturbance = open.get(key)
      if (disturbance !== undefined) disturbance.until = at + recoveryMs
    }
  }
  return all
}

/**
 * Whether replicas, the store and the connections between them, and this client if one is named, were left in peace all the while.
 * @param except faults that do not count
 */
export function calmness(
  history: History,
  except: readonly string[] = [],
): (from: number, until: number, client?: string) => boolean {
  const all = disturbances(history).filter(({ fault }) => !except.includes(fault))
  return (from, until, client) =>
    !all.some(
      (each) =>
        (!each.fault.startsWith('client') || each.target === client) && each.from <= until && each.until >= from,
    )
}
