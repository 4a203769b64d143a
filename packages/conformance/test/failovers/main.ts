import { parseArgs } from 'node:util'
import { runFailovers } from './failovers.js'

// `npm run failovers -- --count 50`: leases that a failover loses, with replicated grants and without.
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '50' },
    'link-ms': { type: 'string', default: '2' },
  },
})
const failovers = Number(values.count)
const linkMs = Number(values['link-ms'])

for (const waitReplicas of [1, 0]) {
  const { granted, held, lost } = await runFailovers({ failovers, waitReplicas, linkMs })
  console.log(
    `SIGNALBOX_WAIT_REPLICAS=${String(waitReplicas)}: ${String(failovers)} failovers, ${String(granted)} leases granted, ` +
      `${String(held)} held when the primary died, ${String(lost)} of them lost`,
  )
}
