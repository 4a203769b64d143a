import type { GrantedLease, StoreSettings } from '../store.js'
import type { ScriptRunner } from './script-runner.js'
import type { Keyspace } from './keyspace.js'

/** What every command of the store is made with. */
export interface ScriptContext extends ScriptRunner {
  readonly keyspace: Keyspace
  readonly settings: StoreSettings
  /** The replica that hears what it is told with the replies to what it asks; empty: none. */
  readonly homeReplica: () => string
}

/** The arguments that every script takes. */
export function commonArgs(
  { keyspace, settings }: ScriptContext,
  semaphore: string,
): Pick<StoreSettings, 'graceMs' | 'idleMs' | 'batchMax'> & { readonly name: string; readonly channel: string } {
  const { graceMs, idleMs, batchMax } = settings
  return { name: semaphore, channel: keyspace.channel, graceMs, idleMs, batchMax }
}

/** The lease alone of a reply that has its fields among others. */
export function leaseOf({ permits, fence, ttlMs, grantedAtMs, deadlineMs, expiresInMs }: GrantedLease): GrantedLease {
  return { permits, fence, ttlMs, grantedAtMs, deadlineMs, expiresInMs }
}
