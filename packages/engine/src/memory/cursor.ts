import { InvalidCursorError } from '../store.js'

/** The numbers a cursor is made of; zeros for the first page. */
export function cursorNumbers(cursor: string | null, count: 1 | 2): readonly [number, number] {
  if (cursor === null) return [0, 0]
  const [first = '', second = '0', ...more] = cursor.split('.')
  const isWhole = [first, second].every((part) => /^\d{1,16}$/.test(part))
  if (!isWhole || more.length > 0 || cursor.includes('.') !== (count === 2)) {
    throw new InvalidCursorError(`'${cursor}' is not a cursor of this store`)
  }
  return [Number(first), Number(second)]
}
