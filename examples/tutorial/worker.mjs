// One worker: a process of its own, anywhere. However many there are, two at once do the work.
//   node worker.mjs "worker 1" 3000
import { setTimeout as sleep } from 'node:timers/promises'
import { Semaphore } from '@signalbox/client'

const [name = 'worker', workMs = '3000'] = process.argv.slice(2)
/** @param {string} text */
const say = (text) => console.log(`${new Date().toISOString().slice(11, 23)} ${name}: ${text}`)

const semaphore = new Semaphore('tutorial', 2)

await semaphore.acquire()
try {
  say('Successfully acquired the semaphore')
  await sleep(Number(workMs))
  say('Releasing Semaphore')
} finally {
  await semaphore.release()
}
