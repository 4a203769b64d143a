import { ReplyError } from 'ioredis'
import { StoreUnavailableError } from '../store.js'

/** Error replies that say something about the server's state and nothing about the command. */
const serverStates: ReadonlySet<string> = new Set([
  'BUSY',
  'CLUSTERDOWN',
  'LOADING',
  'MASTERDOWN',
  'MISCONF',
  // Of a cluster that is not called one, or one that moves its slots faster than they can be followed.
  'MOVED',
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
 *
 * `connectionError` is why there is no connection, if that is known: it says more than that there is none.
 */
export function storeErrorOf(error: unknown, operation: string, connectionError: Error | null = null): Error {
  if (error instanceof StoreUnavailableError || error instanceof TypeError) return error
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof ReplyError && !serverStates.has(message.split(' ', 1)[0] ?? '')) {
    return new Error(`Redis refused ${operation}: ${message}`, { cause: error })
  }
  const cause = connectionError ?? error
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new StoreUnavailableError(`Redis did not answer ${operation}: ${reason}`, { cause })
}

/** Of what failed once, for one of the several callers who wait for it: each may add to its error, and has a stack of its own. */
export function errorOfItsOwn(error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error)
  return error instanceof StoreUnavailableError
    ? new StoreUnavailableError(message, { cause: error.cause })
    : new Error(message, { cause: error })
}
