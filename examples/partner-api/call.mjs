// Calls a partner's API that bears four requests at once from us, all our processes together. Run it as often, and on as many machines, as you like.
//   PARTNER_URL=https://api.partner.example node call.mjs /invoices/1 /invoices/2 /invoices/3
import { BoundedSemaphore, closeDefaultClient } from '@signalbox/client'

const partnerUrl = process.env['PARTNER_URL'] ?? 'http://127.0.0.1:8080'

// A call that hangs is given up after ten seconds, and its permit goes to the next in line.
const partner = new BoundedSemaphore('partner-api', 4, { maxHoldMs: 10_000 })

/** @param {string} path */
async function callPartner(path) {
  // Who comes first is served first, in whichever process; a minute in the queue is enough.
  return await partner.run({ waitMs: 60_000 }, async ({ signal }) => {
    const response = await fetch(`${partnerUrl}${path}`, { signal })
    if (!response.ok) throw new Error(`${path} was answered with ${response.status}`)
    return await response.text()
  })
}

// All at once: it is the semaphore that makes them wait, not this program.
const paths = process.argv.slice(2)
const results = await Promise.allSettled(paths.map(callPartner))
for (const [index, result] of results.entries()) {
  console.log(`${paths[index]}: ${result.status === 'fulfilled' ? result.value : String(result.reason)}`)
  if (result.status === 'rejected') process.exitCode = 1
}
await closeDefaultClient()
