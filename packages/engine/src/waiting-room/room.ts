import type { NearestInMs } from '../store.js'

/** What an open request tells the room of its semaphore, by its number. Any of it, any number of times. */
export interface Room {
  /** It has a place in the queue. */
  waits(number: number): void
  /** It has one still, but its caller was told to come back. */
  parks(number: number): void
  /** Nothing that it might be told matters any more. */
  leaves(number: number): void
  /** A deadline that an answer sent at `askedAtMs` brought. */
  tell(nearestInMs: NearestInMs, askedAtMs: number): void
}
