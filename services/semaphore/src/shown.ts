const uuidAnywhere = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i
/** What keygen prints; people put it into the wrong place. */
const keyAnywhere = /sbx_[A-Za-z0-9_-]{43}/
const lengthMax = 64

/**
 * For text that was written elsewhere, before it goes into a message or a line of the log. A UUID may be a lease id, and a lease id is a
 * capability, as a key is; a URL may have a password in it.
 */
export function cleaned(text: string): string {
  return text
    .replaceAll(new RegExp(uuidAnywhere, 'gi'), '<uuid>')
    .replaceAll(new RegExp(keyAnywhere, 'g'), '<key>')
    .replaceAll(/\b([a-z][a-z0-9+.-]*:\/\/)[^@\s/]*@/gi, '$1')
}

/** A value as a message may show it: one line, short, and never an id that could be used. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string' && uuidAnywhere.test(value)) return 'a text with a UUID in it'
  if (typeof value === 'string' && keyAnywhere.test(value)) return 'a text with an API key in it'
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax)}… (${text.length} characters)`
}
