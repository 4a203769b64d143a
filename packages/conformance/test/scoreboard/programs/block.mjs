// block.mjs URL NAME TTL_MS: holds, blocks its event loop for twice the ttl, and says what it finds as soon as it runs again.
import { SignalboxClient } from '@signalbox/client'

const [url, name = '', ttlMs] = process.argv.slice(2)
const lease = await new SignalboxClient({ url }).semaphore(name, 1).acquire({ ttlMs: Number(ttlMs) })
process.on('unhandledRejection', () => console.log('unhandled rejection'))
let turns = 0
lease.signal.addEventListener('abort', () => {
  console.log(`lost after ${turns} turns: ${lease.signal.reason.name}`)
  process.exit(0)
})
console.log('held')
setImmediate(() => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * Number(ttlMs))
  // Timers that are due run before the next immediate: one turn is "as soon as it runs again".
  const count = () => {
    turns += 1
    if (turns > 1_000) process.exit(1)
    setImmediate(count)
  }
  setImmediate(count)
})
setInterval(() => undefined, 1_000)
