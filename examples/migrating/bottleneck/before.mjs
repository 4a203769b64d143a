// A list of calls, two at once over all processes, with Bottleneck:   REDIS_URL=redis://… node before.mjs NAME…
import { setTimeout as sleep } from 'node:timers/promises'
import Bottleneck from 'bottleneck'
import { Redis } from 'ioredis'

const { hostname: host, port } = new URL(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379')
const limiter = new Bottleneck({
  id: 'partner-api',
  maxConcurrent: 2,
  datastore: 'ioredis',
  clearDatastore: false,
  clientOptions: { host, port: Number(port) },
  Redis,
})
limiter.on('error', (error) => console.error(error))

/** @param {string} name */
async function call(name) {
  console.log(`${name} works`)
  await sleep(Number(process.env['WORK_MS'] ?? 3_000))
  console.log(`${name} is done`)
}

// Without an expiration a process that crashes keeps its places for good.
const names = process.argv.slice(2)
await Promise.all(names.map((name) => limiter.schedule({ expiration: 60_000 }, () => call(name))))
await limiter.disconnect()
