import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'

/** What browsers and the TLS working group ask for; all that is older is broken. */
export const minVersion = 'TLSv1.2'

/** A certificate (with those between it and its authority) and its key, both PEM. */
export interface TlsPair {
  readonly cert: string
  readonly key: string
}

/** What is wrong with which of the two; null: they belong together. Never what is in them. */
export function flawOf({ cert, key }: TlsPair): { readonly of: keyof TlsPair; readonly flaw: string } | null {
  if (!areCertificates(cert)) return { of: 'cert', flaw: 'holds no certificate in PEM form' }
  try {
    createSecureContext({ key })
  } catch {
    return { of: 'key', flaw: 'holds no key in PEM form that can be read without a passphrase' }
  }
  try {
    createSecureContext({ cert, key, minVersion })
  } catch {
    return { of: 'key', flaw: 'does not hold the key of the certificate, or one too weak' }
  }
  return null
}

/** One or more certificates in PEM form. OpenSSL passes over what it cannot read in a list of authorities, so that nothing is trusted. */
export function areCertificates(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  try {
    return blocks.map((block) => new X509Certificate(block)).length > 0
  } catch {
    return false
  }
}

/** For people who renewed it and want to see that it is the new one. */
export function validUntil({ cert }: TlsPair): string {
  return new X509Certificate(cert).validTo
}
