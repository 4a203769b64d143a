import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
  readonly cert: string
  readonly key: string
}

export interface Authority extends Certificate {
  /** A directory of the test's own, gone when the test is over. */
  readonly directory: string
  /** A certificate for 127.0.0.1 and localhost, for servers and clients, signed by this authority. */
  issue(name: string): Certificate
}

/** An authority of the test's own, made by openssl. */
export function makeAuthority(whenDone: (remove: () => void) => void): Authority {
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-certificates-'))
  whenDone(() => rmSync(directory, { recursive: true, force: true }))
  const path = (name: string) => join(directory, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
  const read = (certFile: string, keyFile: string) => ({
    certFile,
    keyFile,
    cert: readFileSync(certFile, 'utf8'),
    key: readFileSync(keyFile, 'utf8'),
  })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test authority')
  return {
    directory,
    ...read(path('ca.pem'), path('ca.key')),
    issue(name) {
      openssl('req', '-new', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
      writeFileSync(path(`${name}.ext`), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
      const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', `${name}.ext`, '-days', '2']
      openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.pem`)
      return read(path(`${name}.pem`), path(`${name}.key`))
    },
  }
}
