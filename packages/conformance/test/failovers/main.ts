import { parseArgs } from 'node:util'
import { runFailovers } from './failovers.js'
import { runLosses } from './losses.js'

// `npm run failovers -- --count 50`: leases that a failover loses, with replicated grants and without; and how soon a FLUSHALL is found.
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '50' },
    'link-ms': { type: 'string', default: '2' },
    losses: { type: 'string', default: '20' },
  },
})
const failovers = Number(values.count)
const linkMs = Number(values['link-ms'])

for (const waitReplicas of failovers > 0 ? [1, 0] : []) {
  const { granted, held, lost } = await runFailovers({ failovers, waitReplicas, linkMs })
  console.log(
    `SIGNALBOX_WAIT_REPLICAS=${String(waitReplicas)}: ${String(failovers)} failovers, ${String(granted)} leases granted, ` +
      `${String(held)} held when the primary died, ${String(lost)} of them lost`,
  )
}

const { foundAfterMs, granted } = await runLosses(Number(values.losses))
const sorted = foundAfterMs.map(Math.round).sort((one, other) => one - other)
const middle = sorted[Math.floor(sorted.length / 2)] ?? 0
console.log(
  `FLUSHALL, ${String(sorted.length)} times, every permit being held: found by both replicas after ${String(middle)} ms (median), ` +
    `${String(sorted.at(-1) ?? 0)} ms (most); permits granted in that time: ${granted.join(' ')}`,
)
