// A list of calls, two at once over all processes, with Signalbox:   SIGNALBOX_URL=http://… node after.mjs NAME…
import { setTimeout as sleep } from 'node:timers/promises'
import { BoundedSemaphore } from '@signalbox/client'

// A call that takes more than a minute is told so by its signal, and the next one is let in.
const partner = new BoundedSemaphore('partner-api', 2, { maxHoldMs: 60_000 })

/** @param {string} name @param {AbortSignal} signal */
async function call(name, signal) {
  console.log(`${name} works`)
  await sleep(Number(process.env['WORK_MS'] ?? 3_000), undefined, { signal })
  console.log(`${name} is done`)
}

const names = process.argv.slice(2)
await Promise.all(names.map((name) => partner.run(({ signal }) => call(name, signal))))
