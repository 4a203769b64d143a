import type { EngineObserver } from '../engine.js'

/** What the engine itself tells; `expired` and `called` are the store's to tell. */
export type RoomObserver = Pick<EngineObserver, 'granted' | 'refused' | 'released'>

/** Counting must never decide anything: what an observer throws ends here, not in the middle of a grant. */
export function quietObserver(observer: RoomObserver | undefined): RoomObserver {
  const quiet =
    <Event>(tell: ((event: Event) => void) | undefined) =>
    (event: Event): void => {
      try {
        tell?.(event)
      } catch {
        // Nobody to tell: an observer that throws has broken its own contract.
      }
    }
  return {
    granted: quiet(observer?.granted.bind(observer)),
    refused: quiet(observer?.refused.bind(observer)),
    released: quiet(observer?.released.bind(observer)),
  }
}
