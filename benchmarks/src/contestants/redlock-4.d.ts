/** What is used of version 4, which comes without types. */
declare module 'redlock' {
  import type { Redis } from 'ioredis'

  interface Lock {
    unlock(): PromiseLike<void>
    extend(ttlMs: number): PromiseLike<Lock>
  }

  export default class Redlock {
    constructor(clients: readonly Redis[], options?: { retryCount?: number; retryDelay?: number; retryJitter?: number })
    lock(resource: string, ttlMs: number): PromiseLike<Lock>
  }
}
