import { createHash, randomBytes } from 'node:crypto'

export const scopes = ['acquire', 'inspect', 'admin'] as const
export type Scope = (typeof scopes)[number]

/** A new key, and the line that the service stores: it knows the key by its digest alone. */
export function makeApiKey(grant: {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly prefix: string
}): {
  readonly key: string
  readonly line: string
} {
  const key = `sbx_${randomBytes(32).toString('base64url')}`
  const digest = createHash('sha256').update(key).digest('hex')
  const prefix = grant.prefix === '' ? '' : ` prefix=${grant.prefix}`
  return { key, line: `sha256:${digest} scopes=${[...new Set(grant.scopes)].join(',')}${prefix} name=${grant.name}` }
}
