import { InvalidCursorError } from '../store.js'

/** Opaque to callers, and safe in a URL as it is. */
export function encodeCursor(kind: string, ...parts: readonly (string | number)[]): string {
  return Buffer.from([kind, ...parts].join(' ')).toString('base64url')
}

/** @throws InvalidCursorError when `encodeCursor` did not make it for this kind and with parts of this form. */
export function decodeCursor(kind: string, form: RegExp, cursor: string): readonly string[] {
  const [ofKind, ...parts] = Buffer.from(cursor, 'base64url').toString().split(' ')
  if (ofKind !== kind || !form.test(parts.join(' '))) {
    throw new InvalidCursorError(`"${cursor}" is not a cursor of this listing.`)
  }
  return parts
}
