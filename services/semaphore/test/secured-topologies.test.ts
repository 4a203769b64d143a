import { startCluster, startSentinels } from '@signalbox/test-redis'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { makeAuthority } from './certificates.js'
import { run, timeout, type Running } from './run-service.js'

const authority = makeAuthority(afterAll)
const stranger = makeAuthority(afterAll)
const [server, client] = [authority.issue('redis'), authority.issue('signalbox')]
// With what has to be escaped in a URL.
const password = 'hunter2@of/redis'
const sentinelLogin = { username: 'watcher', password: 'hunter3-of-sentinels' }
const access = { tls: { ca: authority.cert, cert: server.cert, key: server.key }, password }
const patience = { timeout, interval: 50 }

const trust = { SIGNALBOX_REDIS_TLS_CA_FILE: authority.certFile }
const identity = { SIGNALBOX_REDIS_TLS_CERT_FILE: client.certFile, SIGNALBOX_REDIS_TLS_KEY_FILE: client.keyFile }

interface Topology {
  readonly url: string
  stop(): Promise<void>
}

async function post(at: string, call: string, body: object): Promise<Response> {
  return fetch(`${at}/v1/semaphores/a/${call}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

function saysNoSecret(text: string): void {
  expect(text).not.toContain('hunter')
}

type Refusal = readonly [what: string, of: (url: string) => string, files: Record<string, string>, why: RegExp]
const same = (url: string): string => url
const refusals: readonly Refusal[] = [
  ['another password', (url) => url.replace('hunter2', 'hunter9'), identity, /WRONGPASS/],
  ['no password', (url) => url.replace(/:[^/]*@/, ''), identity, /NOAUTH/],
  ['no certificate', same, {}, /certificate|closed|lost|ECONNRESET|sentinels are unreachable/],
  [
    'an authority that did not sign its certificate',
    same,
    { ...identity, SIGNALBOX_REDIS_TLS_CA_FILE: stranger.certFile },
    /certificate|sentinels are unreachable/,
  ],
]
const sentinelRefusals: readonly Refusal[] = [
  ['another password of the sentinels', (url) => url.replace('hunter3', 'hunter9'), identity, /sentinels are/],
  ['another user of the sentinels', (url) => url.replace('watcher', 'nobody'), identity, /sentinels are/],
  ['nobody for the sentinels', (url) => url.replace(/\?.*/, ''), identity, /sentinels are/],
]

describe.each([
  ['Sentinel', () => startSentinels({ access, sentinelLogin }), [...refusals, ...sentinelRefusals]] as const,
  ['a cluster', () => startCluster({ access }), refusals] as const,
])('with TLS, certificates and passwords, through %s', (_what, start: () => Promise<Topology>, refused) => {
  let redisUrl = ''
  let stop = (): Promise<void> => Promise.resolve()
  beforeAll(async () => {
    const topology = await start()
    redisUrl = topology.url
    stop = () => topology.stop()
  })
  afterAll(() => stop())

  async function readiness(at: string): Promise<{ status: number; text: string }> {
    const ready = await fetch(`${at}/readyz`)
    return { status: ready.status, text: await ready.text() }
  }

  test('every server is reached, and every notice heard', async () => {
    const lasting = { SIGNALBOX_HEARTBEAT_MS: '300000', SIGNALBOX_GRACE_MS: '600000', LOG_LEVEL: 'trace' }
    const env = { REDIS_URL: redisUrl, ...trust, ...identity, ...lasting }
    const services = [run(env), run(env)] as const
    const [one, other] = [await services[0].url(), await services[1].url()]
    for (const at of [one, other])
      await vi.waitFor(async () => expect(await readiness(at)).toMatchObject({ status: 200 }), patience)
    const first = await post(one, 'acquire', { ttlMs: 600_000, create: { limit: 1 } })
    expect(first.status).toBe(200)
    const { leaseId } = (await first.json()) as { leaseId: string }
    const waiting = post(other, 'acquire', { waitMs: 25_000 })
    const seen = async (): Promise<unknown> => (await fetch(`${one}/v1/semaphores/a`)).json()
    await vi.waitFor(async () => expect(await seen()).toMatchObject({ waiting: 1 }), patience)
    // The heartbeat is minutes away: only the notice, which the listener hears over a connection of its own, ends this wait in time.
    await post(one, 'release', { leaseId })
    expect((await waiting).status).toBe(200)
    for (const { output } of services) saysNoSecret(output())
    saysNoSecret((await readiness(one)).text)
  })

  test.each(refused)('with %s it is not: the service is up and says why, without a secret', async (...refusal) => {
    const [, urlOf, files, why] = refusal
    const service: Running = run({ REDIS_URL: urlOf(redisUrl), ...trust, ...files, LOG_LEVEL: 'trace' })
    const at = await service.url()
    await vi.waitFor(async () => {
      const ready = await readiness(at)
      expect(ready).toMatchObject({ status: 503, text: expect.stringMatching(why) as unknown })
      expect(ready.text).toContain('STORE_UNAVAILABLE')
      saysNoSecret(ready.text)
    }, patience)
    const acquired = await post(at, 'acquire', { create: { limit: 1 } })
    const text = await acquired.text()
    expect([acquired.status, text]).toEqual([503, expect.stringContaining('STORE_UNAVAILABLE')])
    saysNoSecret(text)
    await vi.waitFor(() => expect(service.output()).toMatch(/"level":"warn".*The store cannot be reached/), patience)
    saysNoSecret(service.output())
  })
})
