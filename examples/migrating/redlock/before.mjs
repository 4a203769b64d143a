// One at a time, with redlock 4:   REDIS_URL=redis://… node before.mjs NAME
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import Redlock from 'redlock'

const name = process.argv[2]
const ttlMs = 10_000
const redis = new Redis(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379')
// A minute's worth of attempts.
const redlock = new Redlock([redis], { retryCount: 200, retryDelay: 200, retryJitter: 200 })

let lock = await redlock.lock('locks:report', ttlMs)
const stopping = new AbortController()
const extending = setInterval(() => {
  lock.extend(ttlMs).then(
    (extended) => (lock = extended),
    // Whether it is lost, or only this call has failed, is not to be told.
    (/** @type {unknown} */ error) => stopping.abort(error),
  )
}, ttlMs / 3)
try {
  console.log(`${name} works`)
  await sleep(Number(process.env['WORK_MS'] ?? 3_000), undefined, { signal: stopping.signal })
  console.log(`${name} is done`)
} finally {
  clearInterval(extending)
  await lock.unlock()
}
redis.disconnect()
