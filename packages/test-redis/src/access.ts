/** What a server asks of those who come to it, and shows when it comes to others. */
export interface Access {
  /** PEM, all three. Nothing but TLS then, and only with those whose certificate is of this authority. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string }
  readonly password?: string | undefined
}

export interface Address {
  readonly host: string
  readonly port: number
  readonly access?: Access | undefined
}

/** The command line of a server there, as far as its doors go. */
export function accessArguments(
  { tls, password }: Access,
  { port, folder }: { port: number; folder: string },
): string[] {
  const login = password === undefined ? [] : ['--requirepass', password]
  if (tls === undefined) return ['--port', String(port), ...login]
  const files = ['ca-cert', 'cert', 'key'].flatMap((name) => [`--tls-${name}-file`, `${folder}/${name}.pem`])
  const ways = ['--tls-replication', 'yes', '--tls-auth-clients', 'yes']
  return ['--port', '0', '--tls-port', String(port), ...files, ...ways, ...login]
}

export function accessFiles({ tls }: Access): Record<string, string> {
  return tls === undefined ? {} : { 'ca-cert.pem': tls.ca, 'cert.pem': tls.cert, 'key.pem': tls.key }
}

/** The beginning of a URL for it; `suffix` is the kind of topology. */
export function schemeAndLogin({ tls, password }: Access, suffix: '' | '-sentinel' | '-cluster'): string {
  const login = password === undefined ? '' : `:${encodeURIComponent(password)}@`
  return `redis${tls === undefined ? '' : 's'}${suffix}://${login}`
}
