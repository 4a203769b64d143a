import { startTestRedis } from '@signalbox/test-redis'
import { expect, inject, onTestFinished, test, vi } from 'vitest'
import { apiKeyLine, serve } from './service.js'
import { signalbox, soon } from './signalbox.js'

interface Found {
  readonly what: string
  readonly verdict: string
  readonly found: string
  readonly fix?: string
}

async function doctor(url: string, key?: string): Promise<{ code: unknown; checks: readonly Found[] }> {
  const running = signalbox(url, ['doctor', '--json'], key === undefined ? {} : { SIGNALBOX_API_KEY: key })
  const code = await running.ended
  expect(running.stderr()).toBe('')
  return { code, checks: JSON.parse(running.stdout()) as Found[] }
}

const of = (what: string, checks: readonly Found[]): readonly Found[] => checks.filter((check) => check.what === what)

test('a service in memory is warned of: 78; the text says what to do', async () => {
  const { url } = await serve()
  const running = signalbox(url, ['doctor'])
  expect(await running.ended).toBe(78)
  expect(running.stdout()).toMatch(/^ok {7}service +http:\/\/127\.0\.0\.1:\d+ answers in /)
  expect(running.stdout()).toMatch(/^warning {2}store +memory: .*\n +Set REDIS_URL/m)
})

test('a Redis that evicts and keeps nothing is, with what to set; one that is away is 69', async () => {
  const redis = await startTestRedis({ config: ['--maxmemory-policy', 'allkeys-lru'] })
  onTestFinished(() => redis.stop())
  const { url } = await serve({ REDIS_URL: redis.url })
  await vi.waitFor(async () => {
    const { code, checks } = await doctor(url)
    expect(of('settings', checks).map(({ verdict, fix }) => `${verdict}: ${String(fix)}`)).toEqual([
      'warning: CONFIG SET maxmemory-policy noeviction, and in its file.',
      'warning: CONFIG SET appendonly yes, and in its file.',
    ])
    expect(of('store', checks)).toEqual([expect.objectContaining({ verdict: 'ok' })])
    expect(code).toBe(78)
  }, soon)
  await redis.kill()
  await vi.waitFor(async () => expect((await doctor(url)).code).toBe(69), soon)
})

test('a key says what it may do; without the scope inspect the settings are unknown; a wrong one is 77', async () => {
  const narrow = apiKeyLine(['acquire'], 'billing:')
  const { url } = await serve({
    SIGNALBOX_API_KEYS: narrow.line,
    REDIS_URL: inject('redisUrl'),
    SIGNALBOX_KEY_PREFIX: `doctor-${String(process.pid)}:`,
  })
  const { code, checks } = await doctor(url, narrow.key)
  expect(of('key', checks)[0]?.verdict).toBe('ok')
  expect(of('key', checks)[0]?.found).toMatch(/^test may acquire, for names that begin with billing: \(no inspect/)
  expect(of('settings', checks)[0]).toMatchObject({ verdict: 'unknown' })
  expect(code).toBe(0)
  const wrong = await doctor(url, apiKeyLine(['acquire']).key)
  expect(of('key', wrong.checks)[0]?.verdict).toBe('failure')
  expect(of('key', wrong.checks)[0]?.fix).toContain('SIGNALBOX_API_KEY')
  expect(wrong.code).toBe(77)
})

test('where nobody answers there is nothing else to ask: 69', async () => {
  const { code, checks } = await doctor('http://127.0.0.1:9')
  expect([code, checks.length, checks[0]?.verdict]).toEqual([69, 1, 'failure'])
})
