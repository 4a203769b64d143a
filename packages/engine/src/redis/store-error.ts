import { ReplyError } from 'ioredis'
import { StoreUnavailableError } from '../store.js'

/** Error replies that say something about the server's state and nothing about the command. */
const serverStates = new Set([
  'BUSY',
  'CLUSTERDOWN',
  'LOADING',
  'MASTERDOWN',
  'MISCONF',
  'NOAUTH',
  'NOPERM',
  'NOREPLICAS',
  'OOM',
  'READONLY',
  'TRYAGAIN',
  'WRONGPASS',
])

/**
 * What a failed command means: the store is unavailable (no connection, no answer in time, a server that cannot serve now), or, for every
 * other error reply, that the script or its call is wrong, which must not look like an outage.
 */
export function storeErrorOf(error: unknown, operation: string): Error {
  if (error instanceof StoreUnavailableError || error instanceof TypeError) return error
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof ReplyError && !serverStates.has(message.split(' ', 1)[0] ?? '')) {
    return new Error(`Redis refused ${operation}: ${message}`, { cause: error })
  }
  return new StoreUnavailableError(`Redis did not answer ${operation}: ${message}`, { cause: error })
}
