// What tells a BoundedSemaphore from a Semaphore: one release too many is an error, not one more permit.
import { BoundedSemaphore, Semaphore, ValueError } from '@signalbox/client'

const bounded = new BoundedSemaphore('example-bounded', 2)
await bounded.acquire()
await bounded.release()
try {
  await bounded.release()
} catch (error) {
  if (!(error instanceof ValueError)) throw error
  console.log(`ValueError: ${error.message}`)
}
console.log(`The bounded one still has ${(await bounded.inspect()).limit} permits.`)

const counting = new Semaphore('example-counting', 2)
await counting.acquire()
await counting.release()
await counting.release()
console.log(`The counting one has ${(await counting.inspect()).limit} permits now.`)
await counting.resize(2)
