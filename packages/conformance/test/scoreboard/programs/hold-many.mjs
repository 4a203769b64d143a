// hold-many.mjs URL NAME LIMIT TTL_MS: twice as many acquires at once as there are permits; says "held" when those that fit are held, until it is killed.
import { SignalboxClient } from '@signalbox/client'

const [url, name = '', limit, ttlMs] = process.argv.slice(2)
const semaphore = new SignalboxClient({ url }).semaphore(name, Number(limit))
let held = 0
for (let index = 0; index < 2 * Number(limit); index += 1) {
  void semaphore.acquire({ ttlMs: Number(ttlMs) }).then(() => {
    held += 1
    if (held === Number(limit)) console.log('held')
  })
}
setInterval(() => undefined, 1_000)
