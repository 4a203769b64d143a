// Does one job under a lease that somebody else has acquired.
import { setTimeout as sleep } from 'node:timers/promises'
import { text } from 'node:stream/consumers'
import { BoundedSemaphore, LeaseLostError } from '@signalbox/client'

const jobs = new BoundedSemaphore('nightly-jobs')

/** @type {{ job: string, leaseId: string }} */
const { job, leaseId } = JSON.parse(await text(process.stdin))
try {
  // Renews at once, and from here on by itself.
  const lease = await jobs.adopt(leaseId)
  try {
    console.log(`worker: ${job} begins`)
    await sleep(Number(process.env['WORK_MS'] ?? 1_000), undefined, { signal: lease.signal })
    console.log(`worker: ${job} is done`)
  } finally {
    await lease.release()
  }
} catch (error) {
  if (!(error instanceof LeaseLostError)) throw error
  // The message was under way for longer than the ttl: somebody else may have the permit by now, so the job has to be scheduled again.
  console.log(`worker: ${job} came too late`)
  process.exitCode = 1
}
