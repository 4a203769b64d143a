// Two at once, with redis-semaphore:   REDIS_URL=redis://… node before.mjs NAME
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Semaphore } from 'redis-semaphore'

const name = process.argv[2]
const redis = new Redis(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379')
const stopping = new AbortController()
const reports = new Semaphore(redis, 'reports', 2, {
  lockTimeout: 30_000,
  acquireTimeout: 60_000,
  // Without it a loss is an unhandled rejection.
  onLockLost: (error) => stopping.abort(error),
})

await reports.acquire()
try {
  console.log(`${name} works`)
  await sleep(Number(process.env['WORK_MS'] ?? 3_000), undefined, { signal: stopping.signal })
  console.log(`${name} is done`)
} finally {
  await reports.release()
}
redis.disconnect()
