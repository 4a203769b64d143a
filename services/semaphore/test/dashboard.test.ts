import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { apiKey, openService } from './open-service.js'

const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }
const page = '<!doctype html><title>Signalbox</title>'

/** Files as the build leaves them, and beside their folder one that is nobody's business. */
function builtDashboard(): string {
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-dashboard-'))
  afterAll(() => rmSync(directory, { recursive: true }))
  mkdirSync(join(directory, 'dist/assets'), { recursive: true })
  writeFileSync(join(directory, 'dist/index.html'), page)
  writeFileSync(join(directory, 'dist/assets/index-1a2b.js'), 'export {}')
  writeFileSync(join(directory, 'secret.txt'), 'secret')
  return join(directory, 'dist')
}

const dashboard = builtDashboard()
const { stored } = apiKey(['inspect'])
const guarded = openService({ dashboard, settings: { apiKeys: stored } }, afterAll)
const open = openService({ dashboard }, afterAll)

describe('the page', () => {
  test('is served to a browser without a key', async () => {
    const response = await guarded.call('GET', '/', undefined, browser)
    expect([response.statusCode, response.body]).toEqual([200, page])
    expect(response.headers['content-type']).toMatch(/^text\/html/)
    const script = await guarded.call('GET', '/assets/index-1a2b.js')
    expect([script.statusCode, script.body]).toEqual([200, 'export {}'])
    expect(script.headers['content-type']).toMatch(/javascript/)
  })

  test.each(['/', '/assets/index-1a2b.js'])('%s comes with the headers that keep others out', async (url) => {
    const { headers } = await guarded.call('GET', url, undefined, browser)
    const policy = String(headers['content-security-policy']).split('; ')
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy.filter((directive) => /unsafe|http|\*|data:|blob:/.test(directive))).toEqual([])
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    })
  })

  test.each([{ accept: '*/*' }, { accept: 'application/json' }, {}])('is not what curl gets: %j', async (headers) => {
    const response = await guarded.call('GET', '/', undefined, headers)
    expect(response.json()).toMatchObject({ status: 404, code: 'ROUTE_NOT_FOUND' })
    expect(response.headers['vary']).toBe('accept')
  })

  test.each([
    '/secret.txt',
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/assets',
    '/assets/',
  ])('does not open %s', async (url) => {
    const response = await open.call('GET', url, undefined, browser)
    expect(response.json()).toMatchObject({ status: 404, code: 'ROUTE_NOT_FOUND' })
  })

  test('is not given to a page that rebound its name to this machine', async () => {
    const response = await open.call('GET', '/', undefined, { ...browser, host: 'evil.example' })
    expect(response.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  })

  test('is not there when it is not built', async () => {
    const response = await openService().call('GET', '/', undefined, browser)
    expect(response.json()).toMatchObject({ status: 404, code: 'ROUTE_NOT_FOUND' })
  })

  test('is counted under one route, whichever file it was', async () => {
    const service = openService({ dashboard })
    await service.call('GET', '/', undefined, browser)
    await service.call('GET', '/assets/index-1a2b.js')
    const { body } = await service.call('GET', '/metrics')
    expect(body).toContain('signalbox_http_request_seconds_count{method="GET",route="/",status="200"} 2')
  })
})

describe('GET /v1/access', () => {
  test('says what a key may do', async () => {
    const key = apiKey(['admin', 'inspect'], 'billing:')
    const { call } = openService({ settings: { apiKeys: key.stored } })
    const response = await call('GET', '/v1/access', undefined, key.headers)
    expect(response.json()).toEqual({ key: 'test', scopes: ['inspect', 'admin'], prefix: 'billing:' })
  })

  test('says that everyone may do everything where no key is asked for', async () => {
    const response = await open.call('GET', '/v1/access')
    expect(response.json()).toEqual({ key: null, scopes: ['acquire', 'inspect', 'admin'], prefix: '' })
  })
})
