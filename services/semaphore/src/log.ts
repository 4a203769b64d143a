import { pino, type DestinationStream, type Logger } from 'pino'
import { cleaned } from './shown.js'

export type Log = Logger

/**
 * The structured log, on standard output. What is never in it: keys and headers (nothing logs them), lease ids (cut from whatever text
 * an error carries), passwords (URLs are not logged, and errors lose all members but these).
 */
export function createLog(
  level: string,
  destination: DestinationStream = pino.destination({ fd: 1, sync: true }),
): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: serializeError },
    redact: ['*.authorization', '*.password', '*.leaseId', 'leaseId', 'authorization', 'password'],
  }
  return pino(options, destination)
}

/** Not the standard one: that copies every member, and an error of the Redis client has the command's arguments, lease ids among them. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return cleaned(String(error))
  const code = 'code' in error ? { code: error.code } : {}
  const cause = error.cause === undefined ? {} : { cause: serializeError(error.cause) }
  return { type: error.name, message: cleaned(error.message), stack: cleaned(error.stack ?? ''), ...code, ...cause }
}
