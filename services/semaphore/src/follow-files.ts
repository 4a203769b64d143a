import type { Server } from 'node:http'
import { Server as TlsServer } from 'node:tls'
import { ApiKeyLineError, parseApiKeys, type ApiKey } from './api-keys.js'
import type { KeyRing } from './key-ring.js'
import type { Log } from './log.js'
import { flawOf, minVersion, validUntil, type TlsPair } from './tls-files.js'
import { watchFiles } from './watch-files.js'

/** A file of keys that was read at the start. */
export interface KeyFile {
  readonly path: string
  readonly content: string
  /** Keys from elsewhere, which stay whatever the file says. */
  readonly others: readonly ApiKey[]
}

/** The files of a certificate and its key, and what they held at the start. */
export interface TlsFiles extends TlsPair {
  readonly certFile: string
  readonly keyFile: string
}

/**
 * Puts the keys of the file on the ring whenever it changes. A file that cannot be read, is broken or holds no key changes nothing: it is
 * more often a mistake than a wish that nobody may call, and it must never become a wish that everybody may.
 */
export function followKeyFile(file: KeyFile, ring: KeyRing, log: Log): () => void {
  const keep = (why: string) => log.warn(`SIGNALBOX_API_KEYS_FILE ${why}: the keys stay as they were.`)
  return watchFiles([file.path], [file.content], ([content = null]) => {
    if (content === null) {
      keep('cannot be read')
      return
    }
    try {
      const keys = parseApiKeys(content)
      if (keys.length === 0) {
        keep('holds no key')
        return
      }
      ring.replace([...file.others, ...keys])
      log.info({ keys: keys.map(({ name }) => name) }, 'SIGNALBOX_API_KEYS_FILE was read again.')
    } catch (error) {
      if (!(error instanceof ApiKeyLineError)) throw error
      keep(`has a line that cannot be read, ${error.message}`)
    }
  })
}

/** Gives new connections the new certificate whenever the files change, if it is a good one; those that are open keep theirs. */
export function followCertificate(files: TlsFiles, server: Server, log: Log): () => void {
  const keep = (why: string) => log.warn(`${why}: the certificate stays as it was.`)
  return watchFiles([files.certFile, files.keyFile], [files.cert, files.key], ([cert = null, key = null]) => {
    if (cert === null || key === null) {
      keep(`${cert === null ? 'SIGNALBOX_TLS_CERT_FILE' : 'SIGNALBOX_TLS_KEY_FILE'} cannot be read`)
      return
    }
    const flaw = flawOf({ cert, key })
    if (flaw !== null) {
      keep(`${flaw.of === 'cert' ? 'SIGNALBOX_TLS_CERT_FILE' : 'SIGNALBOX_TLS_KEY_FILE'} ${flaw.flaw}`)
      return
    }
    if (server instanceof TlsServer) server.setSecureContext({ cert, key, minVersion })
    log.info(`The certificate was read again; it is valid until ${validUntil({ cert, key })}.`)
  })
}
