// A process that holds permits, or waits for them: holder.mjs '{"url": …, "name": …, "holder": …}'. It tells its parent what becomes of it, and
// gives back when it is told to.
import { SignalboxClient } from '@signalbox/client'

/** @type {{ url: string, name: string, holder: string, limit?: number, permits?: number, ttlMs?: number }} */
const { url, name, holder, limit = 1, permits = 1, ttlMs = 30_000 } = JSON.parse(process.argv[2] ?? '')
const client = new SignalboxClient({ url, holder })
const tell = (/** @type {string} */ what) => process.send?.(what)

tell('asks')
const lease = await client.boundedSemaphore(name, limit).acquire({ permits, ttlMs })
lease.signal.addEventListener('abort', () => tell('lost'))
tell('holds')
process.once('message', () => {
  void client.close().then(() => process.disconnect())
})
