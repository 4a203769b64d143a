import { readFileSync } from 'node:fs'
import { ApiKeyLineError, parseApiKeys, type ApiKey } from './api-keys.js'
import { ConfigError } from './config-error.js'
import type { KeyFile, TlsFiles } from './follow-files.js'
import { areCertificates, flawOf } from './tls-files.js'

/** What Redis is reached with over TLS, beside what the machine trusts; PEM. */
export interface RedisTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

function contentOf(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw ConfigError.of(variable, path, '; it may be the path of a readable file.')
  }
}

/** The keys of the start, and the file that they have to be read from again, if there is one. */
export function readApiKeys(
  lines: string | null,
  path: string | null,
): { apiKeys: readonly ApiKey[]; keyFile: KeyFile | null } {
  const others = lines === null ? [] : parseFrom('SIGNALBOX_API_KEYS', lines)
  // Nothing but separators or a comment is a mistake, or a secret that was not mounted: not a wish to have no keys.
  if (lines !== null && others.length === 0) throw new ConfigError('SIGNALBOX_API_KEYS holds no key.')
  if (path === null) return { apiKeys: others, keyFile: null }
  const content = contentOf('SIGNALBOX_API_KEYS_FILE', path)
  const keys = parseFrom('SIGNALBOX_API_KEYS_FILE', content)
  if (keys.length === 0) throw ConfigError.of('SIGNALBOX_API_KEYS_FILE', path, ', which holds no key.')
  return { apiKeys: [...others, ...keys], keyFile: { path, content, others } }
}

function parseFrom(variable: string, text: string): ApiKey[] {
  try {
    return parseApiKeys(text)
  } catch (error) {
    if (error instanceof ApiKeyLineError) throw new ConfigError(`${variable}, ${error.message}.`)
    throw error
  }
}

/** A certificate and its key, by the variables that name their files: both or neither. */
export function readTlsFiles(
  cert: { readonly variable: string; readonly path: string | null },
  key: { readonly variable: string; readonly path: string | null },
): TlsFiles | null {
  if (cert.path === null && key.path === null) return null
  if (cert.path === null || key.path === null) {
    const [given, missing] = cert.path === null ? [key, cert] : [cert, key]
    throw new ConfigError(`${given.variable} is set and ${missing.variable} is not: a certificate needs its key.`)
  }
  const pair = { cert: contentOf(cert.variable, cert.path), key: contentOf(key.variable, key.path) }
  const flaw = flawOf(pair)
  if (flaw?.of === 'cert') throw ConfigError.of(cert.variable, cert.path, `, which ${flaw.flaw}.`)
  if (flaw?.of === 'key') throw ConfigError.of(key.variable, key.path, `, which ${flaw.flaw}.`)
  return { ...pair, certFile: cert.path, keyFile: key.path }
}

/** Null: nothing beside the URL. They would be read and never used with a `redis://` URL, which then looks safer than it is. */
export function readRedisTls(
  redisUrl: string | null,
  files: { readonly ca: string | null; readonly cert: string | null; readonly key: string | null },
): RedisTls | null {
  const { ca, cert, key } = files
  const pair = readTlsFiles(
    { variable: 'SIGNALBOX_REDIS_TLS_CERT_FILE', path: cert },
    { variable: 'SIGNALBOX_REDIS_TLS_KEY_FILE', path: key },
  )
  if (ca === null && pair === null) return null
  if (redisUrl?.startsWith('rediss') !== true) {
    const variable = ca === null ? 'SIGNALBOX_REDIS_TLS_CERT_FILE' : 'SIGNALBOX_REDIS_TLS_CA_FILE'
    throw new ConfigError(`${variable} is set, but REDIS_URL does not begin with rediss: it would have no effect.`)
  }
  const trusted = ca === null ? {} : { ca: contentOf('SIGNALBOX_REDIS_TLS_CA_FILE', ca) }
  if (ca !== null && !areCertificates(trusted.ca ?? ''))
    throw ConfigError.of('SIGNALBOX_REDIS_TLS_CA_FILE', ca, ', which holds no certificate in PEM form.')
  return { ...trusted, ...(pair === null ? {} : { cert: pair.cert, key: pair.key }) }
}
