/** Gives the permit back. */
export type Release = () => Promise<unknown>

/** One who wants a permit, again and again: acquires once it has given the last one back. */
export type Acquire = () => Promise<Release>

export interface Crowd {
  /** One for each caller that was asked for. */
  readonly acquires: readonly Acquire[]
  close(): Promise<void>
}

export interface Place {
  /** Not used before. */
  readonly semaphore: string
  readonly limit: number
  readonly callers: number
}

/** One way to hand out permits, used as its own README says. */
export interface Contestant {
  readonly name: string
  /** Of a lock: one holder each. Where a scenario has room for every caller, each then has a lock of its own. */
  readonly isLock: boolean
  readonly usesRedis: boolean
  open(place: Place): Promise<Crowd>
}

export const ttlMs = 600_000

export function callersOf(callers: number, make: (caller: number) => Acquire): Acquire[] {
  return Array.from({ length: callers }, (_, caller) => make(caller))
}
