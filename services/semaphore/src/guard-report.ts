import type { GuardEvent } from '@signalbox/engine'
import type { Log } from './log.js'
import type { Metrics } from './metrics.js'

/** Tells whoever runs the service that the store has lost its data: nothing else shows why acquires are refused. */
export function guardReport(log: Log, metrics: Pick<Metrics, 'storeLost'>): (event: GuardEvent) => void {
  return (event) => {
    switch (event.kind) {
      case 'lost':
        metrics.storeLost()
        log.warn(
          `The store lost its data (${event.found} where this replica had seen one): nothing is granted for ${event.guardMs} ms, ` +
            'until every lease that it knows of has run out.',
        )
        return
      case 'guarded':
        log.warn(`The store lost its data, says another replica: nothing is granted for ${event.guardMs} ms.`)
        return
      case 'over':
        log.warn('The store has recovered: leases of before have run out, and grants go on.')
        return
    }
  }
}
