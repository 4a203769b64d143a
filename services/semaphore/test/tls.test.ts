import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { connect as dial } from 'node:net'
import { join } from 'node:path'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { makeAuthority, type Certificate } from './certificates.js'
import { run, temporaryDirectory, timeout } from './run-service.js'

const authority = makeAuthority(afterAll)
const [first, second] = [authority.issue('first'), authority.issue('second')]

function portOf(url: string): number {
  return Number(new URL(url).port)
}

/** A connection of TLS, as soon as the handshake is done. */
function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', ca: authority.cert, ...options }, () => resolve(socket))
    onTestFinished(() => void socket.destroy())
    socket.once('error', reject)
  })
}

/** Whose certificate a new connection is shown. */
async function shownBy(port: number): Promise<string> {
  const socket = await handshake(port)
  const { CN } = socket.getPeerCertificate().subject
  socket.destroy()
  return String(CN)
}

function get(url: string, method = 'GET', body = ''): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = body === '' ? {} : { 'content-type': 'application/json' }
    const sent = request(url, { method, headers, ca: authority.cert, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += String(chunk)))
      response.once('end', () => resolve({ status: response.statusCode, text }))
    })
    sent.once('error', reject)
    sent.end(body)
  })
}

describe('with a certificate and its key', () => {
  test('the service speaks HTTPS, and says so', async () => {
    const { url, output } = run({
      SIGNALBOX_TLS_CERT_FILE: first.certFile,
      SIGNALBOX_TLS_KEY_FILE: first.keyFile,
    })
    const at = await url()
    expect(at).toMatch(/^https:/)
    expect(output()).toMatch(/Try: .* https:\/\/127\.0\.0\.1:\d+\/v1\/semaphores\/demo\/acquire/)
    expect(await get(`${at}/healthz`)).toMatchObject({ status: 200 })
    const acquired = await get(`${at}/v1/semaphores/a/acquire`, 'POST', '{"create":{"limit":1}}')
    expect(acquired).toMatchObject({ status: 200 })
    expect(output()).not.toContain('http://')
    // Plain HTTP at this port is no service.
    await expect(fetch(at.replace('https:', 'http:'))).rejects.toThrow()
  })

  test('it speaks TLS 1.2 and 1.3, and nothing older', async () => {
    const port = portOf(
      await run({ SIGNALBOX_TLS_CERT_FILE: first.certFile, SIGNALBOX_TLS_KEY_FILE: first.keyFile }).url(),
    )
    expect((await handshake(port)).getProtocol()).toBe('TLSv1.3')
    expect((await handshake(port, { maxVersion: 'TLSv1.2' })).getProtocol()).toBe('TLSv1.2')
    // Security level 0, so that it is not this client who refuses.
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    await expect(handshake(port, old)).rejects.toThrow(/protocol version/i)
  })

  test('a stop ends connections that have shaken hands, or have yet to, and said nothing', async () => {
    // Longer than a test may take.
    const { url, child, ended } = run({
      SIGNALBOX_TLS_CERT_FILE: first.certFile,
      SIGNALBOX_TLS_KEY_FILE: first.keyFile,
      SIGNALBOX_STOP_GRACE_MS: '600000',
    })
    const port = portOf(await url())
    const socket = await handshake(port)
    const silent = dial({ port, host: '127.0.0.1' })
    for (const each of [socket, silent]) each.on('error', () => undefined)
    // The first bytes of a handshake, which is never gone on with.
    silent.write('\u0016\u0003\u0001')
    await get(`https://127.0.0.1:${port}/healthz`)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })
})

describe('a start is refused, by the name of the variable,', () => {
  const broken = join(authority.directory, 'broken.pem')
  writeFileSync(broken, first.cert.slice(0, 200))
  const cert = 'SIGNALBOX_TLS_CERT_FILE'
  const key = 'SIGNALBOX_TLS_KEY_FILE'

  test.each([
    ['with a certificate alone', { [cert]: first.certFile }, `${cert} is set and ${key} is not: a certificate needs`],
    ['with a key alone', { [key]: first.keyFile }, `${key} is set and ${cert} is not: a certificate needs`],
    ['with a file that is not there', { [cert]: '/nowhere', [key]: first.keyFile }, `${cert} is "/nowhere"; it may be`],
    [
      'with half a certificate',
      { [cert]: broken, [key]: first.keyFile },
      `${cert} is "${broken}", which holds no cert`,
    ],
    ['with a certificate for a key', { [cert]: first.certFile, [key]: first.certFile }, 'which holds no key in PEM'],
    ['with the key of another', { [cert]: first.certFile, [key]: second.keyFile }, 'does not hold the key of the cert'],
  ])('%s', async (_what, env, sentence) => {
    const { output, ended } = run(env)
    expect(await ended).toBe(1)
    expect(output()).toContain(sentence)
    expect(output().trim().split('\n')).toHaveLength(1)
    expect(output()).not.toContain('PRIVATE')
  })
})

describe('a new certificate', () => {
  /** Written as certbot does: beside, then renamed over. */
  const rename = (from: Certificate, at: { certFile: string; keyFile: string }) => {
    for (const [content, path] of [
      [from.cert, at.certFile],
      [from.key, at.keyFile],
    ] as const) {
      writeFileSync(`${path}.new`, content)
      renameSync(`${path}.new`, path)
    }
  }

  const serving = async () => {
    const directory = temporaryDirectory()
    const at = { certFile: join(directory, 'tls.crt'), keyFile: join(directory, 'tls.key') }
    rename(first, at)
    const service = run({ SIGNALBOX_TLS_CERT_FILE: at.certFile, SIGNALBOX_TLS_KEY_FILE: at.keyFile })
    const port = portOf(await service.url())
    expect(await shownBy(port)).toBe('first')
    return { at, port, output: service.output }
  }

  test('is shown to new connections, while those that are open go on', async () => {
    const { at, port, output } = await serving()
    const open = await handshake(port)
    rename(second, at)
    await vi.waitFor(async () => expect(await shownBy(port)).toBe('second'), { timeout, interval: 50 })
    expect(output()).toMatch(/The certificate was read again; it is valid until/)
    let answer = ''
    open.on('data', (chunk) => (answer += String(chunk)))
    open.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await vi.waitFor(() => expect(answer).toMatch(/^HTTP\/1.1 200/))
    expect((await handshake(port, { maxVersion: 'TLSv1.2' })).getProtocol()).toBe('TLSv1.2')
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    await expect(handshake(port, old)).rejects.toThrow(/protocol version/i)
  })

  test('that Kubernetes swaps in by a symbolic link above the files is seen', async () => {
    const mount = temporaryDirectory()
    const version = (name: string, { cert, key }: Certificate) => {
      mkdirSync(join(mount, name))
      writeFileSync(join(mount, name, 'tls.crt'), cert)
      writeFileSync(join(mount, name, 'tls.key'), key)
      symlinkSync(name, join(mount, '..data_tmp'))
      renameSync(join(mount, '..data_tmp'), join(mount, '..data'))
    }
    version('..1', first)
    for (const file of ['tls.crt', 'tls.key']) symlinkSync(join('..data', file), join(mount, file))
    const port = portOf(
      await run({
        SIGNALBOX_TLS_CERT_FILE: join(mount, 'tls.crt'),
        SIGNALBOX_TLS_KEY_FILE: join(mount, 'tls.key'),
      }).url(),
    )
    expect(await shownBy(port)).toBe('first')
    version('..2', second)
    rmSync(join(mount, '..1'), { recursive: true })
    await vi.waitFor(async () => expect(await shownBy(port)).toBe('second'), { timeout, interval: 50 })
  })

  test.each([
    [
      'is written halfway',
      (at: Certificate) => writeFileSync(at.certFile, second.cert.slice(0, 300)),
      /CERT_FILE holds no/,
    ],
    ['has another’s key', (at: Certificate) => writeFileSync(at.keyFile, second.key), /KEY_FILE does not hold the key/],
    [
      'has a broken key',
      (at: Certificate) => writeFileSync(at.keyFile, second.key.slice(0, 80)),
      /KEY_FILE holds no key/,
    ],
    ['is gone', (at: Certificate) => rmSync(at.certFile), /CERT_FILE cannot be read/],
  ])('that %s leaves the old one in place, with a warning, until it is whole', async (_what, spoil, warning) => {
    const { at, port, output } = await serving()
    spoil({ ...first, ...at })
    await vi.waitFor(() => expect(output()).toMatch(warning), { timeout, interval: 50 })
    expect(output()).toMatch(/"level":"warn".*the certificate stays as it was/)
    expect(output()).not.toContain(second.key.slice(40, 70))
    expect(await shownBy(port)).toBe('first')
    rename(second, at)
    await vi.waitFor(async () => expect(await shownBy(port)).toBe('second'), { timeout, interval: 50 })
  })
})
