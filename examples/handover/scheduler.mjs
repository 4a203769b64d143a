// Starts jobs, two at a time wherever they run, and leaves them alone: each is done by a process of its own, which takes the lease over
// and gives it back. Here that process is a child; it might as well be one on another machine that reads from a queue.
//   node scheduler.mjs backup invoices statistics
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { BoundedSemaphore } from '@signalbox/client'

const worker = fileURLToPath(new URL('worker.mjs', import.meta.url))
const jobs = new BoundedSemaphore('nightly-jobs', 2)

for (const job of process.argv.slice(2)) {
  // The ttl is what the way to the worker may take: should the message get lost, the permit is back after a minute.
  const lease = await jobs.acquire({ ttlMs: 60_000, holder: job })
  lease.detach()
  const child = spawn(process.execPath, [worker], { stdio: ['pipe', 'inherit', 'inherit'] })
  // Whoever knows the id may release the lease: in a message, not among the arguments, which every user of the machine can read.
  child.stdin.end(JSON.stringify({ job, leaseId: lease.id }))
  console.log(`scheduler: ${job} handed over`)
}
console.log('scheduler: nothing left to do')
