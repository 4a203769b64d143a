/** Every bound on what a request may ask for. The service's configuration may lower or raise each. */
export interface Limits {
  /** Longest ttl of a lease, ms. */
  readonly ttlMsMax: number
  /** Longest wait a caller may ask for, ms (one request is held open for at most the cap, whatever it asks). */
  readonly waitMsMax: number
  /** Largest limit of a semaphore, and so the most permits one lease can hold. */
  readonly limitMax: number
  /** Longest holder label, characters. */
  readonly holderLengthMax: number
  /** Most items on one page of a listing. */
  readonly pageSizeMax: number
}

export const defaultLimits: Limits = {
  ttlMsMax: 86_400_000,
  waitMsMax: 86_400_000,
  limitMax: 1_000_000,
  holderLengthMax: 256,
  pageSizeMax: 1_000,
}

/**
 * A caller that waits on asks for one slice after the other, each a little longer than any service holds a request open: so it is the
 * service's cap that ends the slice (`STILL_WAITING`, which keeps the place), never the wait (`ACQUIRE_TIMEOUT`, which gives it up).
 */
export const longPoll = { capMsMax: 25_000, sliceMs: 26_000 } as const

/** Most calls of one batch: enough that what a request costs is next to nothing for each of them. */
export const batchCallsMax = 128

/** What a field is when a request leaves it out. */
export const defaults = { permits: 1, ttlMs: 30_000, waitMs: 0, pageSize: 100 } as const
