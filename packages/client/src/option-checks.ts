import { InvalidRequestError } from './errors.js'
import { isRecord } from './record.js'

export function refused(message: string): InvalidRequestError {
  return new InvalidRequestError(message, { code: 'INVALID_REQUEST' })
}

/** A value in a message: `"2"` and not 2, where only one of them is wrong. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}n`
  // Of an object `String` says nothing, and may throw.
  if (typeof value === 'function' || (typeof value === 'object' && value !== null)) return `of type ${typeof value}`
  return String(value)
}

/**
 * A misspelt option is worse than a wrong one: `{ wait: 3 }` would wait for ever, and `{ URL: … }` hold the permits of another service.
 * Shows no value: a key may have been passed in the options' place.
 */
export function refuseUnknown(options: unknown, known: Readonly<Record<string, true>>): void {
  if (!isRecord(options)) throw refused('The options must be an object, or left out')
  for (const name in options)
    if (!Object.hasOwn(known, name))
      throw refused(`There is no option ${name} here, only ${Object.keys(known).join(', ')}`)
}

/** Not by `instanceof`: another realm, or a polyfill, has a class of its own. */
export function refuseOtherThanSignal(signal: unknown): void {
  if (signal === undefined) return
  if (!isRecord(signal) || typeof signal['aborted'] !== 'boolean' || typeof signal['addEventListener'] !== 'function')
    throw refused(`signal must be an AbortSignal, not ${shown(signal)}`)
}
