// Two at once by plain HTTP, as any language can:   SIGNALBOX_URL=http://… node after.mjs NAME
import { setTimeout as sleep } from 'node:timers/promises'

const name = process.argv[2]
const semaphore = `${process.env['SIGNALBOX_URL'] ?? 'http://127.0.0.1:7600'}/v1/semaphores/reports-by-http`
const leaseId = crypto.randomUUID()
const ttlMs = 15_000

/** @param {string} action @param {object} body */
async function call(action, body) {
  const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(`${semaphore}/${action}`, { ...request, signal: AbortSignal.timeout(30_000) })
  return { status: response.status, answer: /** @type {Record<string, unknown>} */ (await response.json()) }
}

/** @type {Awaited<ReturnType<typeof call>>} */
let acquired
let sentAtMs
do {
  sentAtMs = performance.now()
  // The same id in every attempt: a repeat finds the same lease, or the same place in the queue.
  acquired = await call('acquire', { leaseId, ttlMs, waitMs: 20_000, create: { limit: 2 } })
} while (acquired.answer['code'] === 'STILL_WAITING')
if (acquired.status !== 200) throw new Error(String(acquired.answer['detail']))

// Later than that nobody may count on the lease. Reckoned from before the request was sent, by the monotonic clock.
let deadlineMs = sentAtMs + Number(acquired.answer['waitedMs']) + Number(acquired.answer['expiresInMs'])
const stopping = new AbortController()
const renewing = setInterval(() => {
  const sentAtMs = performance.now()
  if (sentAtMs >= deadlineMs) stopping.abort(new Error('The lease is lost: no renewal came through.'))
  call('renew', { leaseId, ttlMs }).then(
    ({ status }) => {
      if (status === 200) deadlineMs = sentAtMs + ttlMs
      else if (status === 410) stopping.abort(new Error('The lease is lost: the service says so.'))
    },
    // Not known: the next one may come through.
    () => undefined,
  )
}, ttlMs / 6)
try {
  console.log(`${name} works`)
  await sleep(Number(process.env['WORK_MS'] ?? 3_000), undefined, { signal: stopping.signal })
  console.log(`${name} is done`)
} finally {
  clearInterval(renewing)
  await call('release', { leaseId })
}
