import { Semaphore } from './semaphore.js'

/**
 * A semaphore whose limit no release can raise, with the words of Python's `asyncio.BoundedSemaphore`: `release()` with nothing to give back rejects
 * with `ValueError`, "BoundedSemaphore released too many times", and sends nothing. A name is of one kind: the other is `LimitConflictError`.
 */
export class BoundedSemaphore extends Semaphore {
  override get bounded(): boolean {
    return true
  }
}
