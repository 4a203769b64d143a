const uuidAnywhere = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i
const lengthMax = 64

/** A UUID may be a lease id, and a lease id is a capability: none leaves in a message or a log line. */
export function withoutUuids(text: string): string {
  return text.replaceAll(new RegExp(uuidAnywhere, 'gi'), '<uuid>')
}

/** A value as a message may show it: one line, short, and never an id that could be used. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string' && uuidAnywhere.test(value)) return 'a text with a UUID in it'
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax)}… (${text.length} characters)`
}
