import { startTestRedis } from '@signalbox/test-redis'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { makeAuthority } from './certificates.js'
import { run, timeout } from './run-service.js'

const authority = makeAuthority(afterAll)
const stranger = makeAuthority(afterAll)
const [server, client] = [authority.issue('redis'), authority.issue('signalbox')]
const password = 'hunter2-of-redis'

describe('a Redis that speaks TLS', () => {
  let redisUrl = ''
  let stop = (): Promise<void> => Promise.resolve()
  beforeAll(async () => {
    const tls = { ca: authority.cert, cert: server.cert, key: server.key }
    const redis = await startTestRedis({ access: { tls, password } })
    redisUrl = redis.url
    stop = redis.stop
  })
  afterAll(() => stop())
  const trust = { SIGNALBOX_REDIS_TLS_CA_FILE: authority.certFile }
  const identity = {
    SIGNALBOX_REDIS_TLS_CERT_FILE: client.certFile,
    SIGNALBOX_REDIS_TLS_KEY_FILE: client.keyFile,
  }
  const acquire = (url: string, body: object) =>
    fetch(`${url}/v1/semaphores/a/acquire`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  test('is reached with its authority and a certificate, by the listener too', async () => {
    const prefix = { SIGNALBOX_KEY_PREFIX: 'tls:', SIGNALBOX_HEARTBEAT_MS: '300000', SIGNALBOX_GRACE_MS: '600000' }
    const env = { REDIS_URL: redisUrl, ...trust, ...identity, ...prefix }
    const [one, other] = [await run(env).url(), await run(env).url()]
    for (const url of [one, other])
      await vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200), { timeout, interval: 50 })
    const held = (await (await acquire(one, { ttlMs: 600_000, create: { limit: 1 } })).json()) as { leaseId: string }
    const waiting = acquire(other, { waitMs: 25_000 })
    const seen = async (): Promise<unknown> => (await fetch(`${one}/v1/semaphores/a`)).json()
    await vi.waitFor(async () => expect(await seen()).toMatchObject({ waiting: 1 }), { timeout, interval: 20 })
    // The heartbeat is minutes away and the lease lasts longer than the test: only the notice can end this wait in time.
    await fetch(`${one}/v1/semaphores/a/release`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ leaseId: held.leaseId }),
    })
    expect((await waiting).status).toBe(200)
  })

  test.each([
    [
      'an authority that did not sign its certificate',
      { SIGNALBOX_REDIS_TLS_CA_FILE: stranger.certFile, ...identity },
      /certificate/,
    ],
    ['no authority', identity, /certificate/],
    ['no certificate of the service', trust, /certificate|closed|lost|ECONNRESET/],
  ])('is not reached with %s: the service is up, says why, and answers 503', async (_what, files, why) => {
    const { url, output } = run({ REDIS_URL: redisUrl, ...files })
    const at = await url()
    expect((await fetch(`${at}/healthz`)).status).toBe(200)
    await vi.waitFor(
      async () => {
        const ready = await fetch(`${at}/readyz`)
        const { code, detail } = (await ready.json()) as { code: string; detail: string }
        expect([ready.status, code]).toEqual([503, 'STORE_UNAVAILABLE'])
        expect(detail).toMatch(/^The store cannot be reached: /)
        expect(detail).toMatch(why)
        expect(detail).not.toContain(password)
      },
      { timeout, interval: 50 },
    )
    const refused = await acquire(at, { create: { limit: 1 } })
    expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'STORE_UNAVAILABLE' }])
    await vi.waitFor(() => expect(output()).toMatch(/"level":"warn".*The store cannot be reached/), { timeout })
    expect(output()).not.toContain(password)
  })
})

describe('a start with files for the TLS of Redis is refused', () => {
  const ca = 'SIGNALBOX_REDIS_TLS_CA_FILE'
  const url = 'rediss://127.0.0.1:1'
  test.each([
    ['that have no use', { [ca]: authority.certFile, REDIS_URL: 'redis://127.0.0.1:1' }, `${ca} is set, but REDIS_URL`],
    ['with no URL', { [ca]: authority.certFile }, `${ca} is set, but REDIS_URL does not begin with rediss`],
    ['that cannot be read', { [ca]: '/nowhere', REDIS_URL: url }, `${ca} is "/nowhere"; it may be the path`],
    ['that hold no certificate', { [ca]: authority.keyFile, REDIS_URL: url }, 'which holds no certificate in PEM form'],
    [
      'that are half a pair',
      { SIGNALBOX_REDIS_TLS_KEY_FILE: client.keyFile, REDIS_URL: url },
      'SIGNALBOX_REDIS_TLS_KEY_FILE is set and SIGNALBOX_REDIS_TLS_CERT_FILE is not',
    ],
  ])('%s', async (_what, env, sentence) => {
    const { output, ended } = run(env)
    expect(await ended).toBe(1)
    expect(output()).toContain(sentence)
  })
})
