// hold.mjs URL NAME LIMIT TTL_MS: acquires, says "held", and holds until it is killed.
import { SignalboxClient } from '@signalbox/client'

const [url, name = '', limit, ttlMs] = process.argv.slice(2)
const lease = await new SignalboxClient({ url }).semaphore(name, Number(limit)).acquire({ ttlMs: Number(ttlMs) })
console.log('held')
lease.signal.addEventListener('abort', () => console.log('lost'))
setInterval(() => undefined, 1_000)
