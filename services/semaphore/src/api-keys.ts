import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { namePrefix, scopes, type Scope } from '@signalbox/protocol'

/** A key as it is stored: what it is for, and the digest it is recognised by. */
export interface ApiKey {
  readonly name: string
  readonly scopes: ReadonlySet<Scope>
  /** The only names it reaches; empty: all. */
  readonly prefix: string
  readonly digest: Buffer
}

/** A line of the key store that cannot be read. The message never holds the line: someone may have stored the key itself. */
export class ApiKeyLineError extends Error {
  override readonly name = 'ApiKeyLineError'
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

export function isScope(word: string): word is Scope {
  return scopes.some((scope) => scope === word)
}

/**
 * SHA-256, not a password hash: the key is 256 random bits, so there is nothing to guess that slow hashing would protect, and it
 * would be paid on every request.
 */
export function digestOf(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}

/** A new key and the line to store for it. */
export function makeApiKey(grant: { name: string; scopes: readonly Scope[]; prefix: string }): {
  key: string
  line: string
} {
  if (!namePattern.test(grant.name)) throw new ApiKeyLineError(`name must match ${namePattern.source}`)
  if (!namePrefix.safeParse(grant.prefix).success)
    throw new ApiKeyLineError('prefix must be the beginning of a semaphore name')
  if (grant.scopes.length === 0) throw new ApiKeyLineError(`scope must be given at least once: ${scopes.join(', ')}`)
  const key = `sbx_${randomBytes(32).toString('base64url')}`
  const words = [`sha256:${digestOf(key).toString('hex')}`, `scopes=${[...new Set(grant.scopes)].join(',')}`]
  if (grant.prefix !== '') words.push(`prefix=${grant.prefix}`)
  words.push(`name=${grant.name}`)
  return { key, line: words.join(' ') }
}

/** One key a line, or several separated by semicolons (for environment variables); `#` begins a comment, to the end of the line. */
export function parseApiKeys(text: string): ApiKey[] {
  return text.split('\n').flatMap((line, index) => {
    const entries = line.replace(/#.*/, '').split(';')
    return entries.flatMap((entry, place) => {
      const at = entries.length > 1 ? `${index + 1}.${place + 1}` : String(index + 1)
      return entry.trim() === '' ? [] : [parseEntry(entry.trim(), at)]
    })
  })
}

/** `at`: the number of its line, or of its line and its place in that. */
function parseEntry(entry: string, at: string): ApiKey {
  const fail = (reason: string) => new ApiKeyLineError(`line ${at}: ${reason}`)
  const [digest, ...rest] = entry.split(/\s+/)
  if (digest === undefined || !/^sha256:[0-9a-f]{64}$/.test(digest))
    throw fail('must begin with sha256: and 64 hexadecimal digits (not the key itself)')
  const fields = new Map<string, string>()
  for (const word of rest) {
    const [name, value] = splitOnce(word)
    if (value === undefined || !['scopes', 'prefix', 'name'].includes(name))
      throw fail('has a word that is none of scopes=, prefix=, name=')
    if (fields.has(name)) throw fail(`has ${name}= twice`)
    fields.set(name, value)
  }
  const words = (fields.get('scopes') ?? '').split(',')
  const granted = words.filter(isScope)
  if (granted.length !== words.length) throw fail(`scopes= must be some of ${scopes.join(',')}`)
  const prefix = fields.get('prefix') ?? ''
  if (!namePrefix.safeParse(prefix).success) throw fail('prefix= must be the beginning of a semaphore name')
  const name = fields.get('name') ?? `key-${at}`
  if (!namePattern.test(name)) throw fail(`name= must match ${namePattern.source}`)
  return { name, scopes: new Set(granted), prefix, digest: Buffer.from(digest.slice('sha256:'.length), 'hex') }
}

function splitOnce(word: string): [string, string | undefined] {
  const at = word.indexOf('=')
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
}

/** Looks at every key, whichever matches: the time taken says nothing about which are there. */
export function findApiKey(keys: readonly ApiKey[], presented: string): ApiKey | null {
  const digest = digestOf(presented)
  let found: ApiKey | null = null
  for (const key of keys) if (timingSafeEqual(key.digest, digest)) found = key
  return found
}
