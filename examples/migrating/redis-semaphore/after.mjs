// Two at once, with Signalbox:   SIGNALBOX_URL=http://… node after.mjs NAME
import { setTimeout as sleep } from 'node:timers/promises'
import { Semaphore } from '@signalbox/client'

const name = process.argv[2]
const reports = new Semaphore('reports', 2)

await reports.run({ waitMs: 60_000 }, async ({ signal }) => {
  console.log(`${name} works`)
  await sleep(Number(process.env['WORK_MS'] ?? 3_000), undefined, { signal })
  console.log(`${name} is done`)
})
