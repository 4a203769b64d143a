import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeApiKey, parseApiKeys, scopes, type Scope } from '@signalbox/semaphore-service'
import { apiKey, leaseId, openService, type ProblemBody } from './open-service.js'

/** Every route, and the one scope that opens it; null: open to all. A test holds this list to the routes there are. */
const routes: [method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, scope: Scope | null, body?: object][] = [
  ['POST', '/v1/semaphores/{name}/acquire', 'acquire', { create: { limit: 1 } }],
  ['POST', '/v1/semaphores/{name}/release', 'acquire', { leaseId: leaseId() }],
  ['POST', '/v1/semaphores/{name}/renew', 'acquire', { leaseId: leaseId(), ttlMs: 1_000 }],
  ['POST', '/v1/semaphores/{name}/add-permits', 'admin', { permits: 1, requestId: leaseId() }],
  ['PUT', '/v1/semaphores/{name}', 'admin', { limit: 1 }],
  ['GET', '/v1/semaphores/{name}', 'inspect'],
  ['DELETE', '/v1/semaphores/{name}', 'admin'],
  ['GET', '/v1/semaphores/{name}/leases', 'inspect'],
  ['GET', '/v1/semaphores/{name}/waiters', 'inspect'],
  ['DELETE', '/v1/semaphores/{name}/leases/{fence}', 'admin'],
  ['GET', '/v1/semaphores', 'inspect'],
  ['GET', '/healthz', null],
  ['GET', '/readyz', null],
  ['GET', '/metrics', 'inspect'],
  ['GET', '/openapi.json', 'inspect'],
]

const urlOf = (path: string, name = 'billing:a') => path.replace('{name}', name).replace('{fence}', '1')
const withName = routes.filter(([, path]) => path.includes('{name}'))

/** One key of each scope, and one with all of them for names that begin with billing: */
const keys = { acquire: apiKey(['acquire']), inspect: apiKey(['inspect']), admin: apiKey(['admin']) }
const billing = apiKey(scopes, 'billing:')
const apiKeys = [...Object.values(keys), billing].flatMap(({ stored }) => stored)
const { call, store } = openService({ settings: { apiKeys } }, afterAll)

test('the list above is all routes there are', async () => {
  const response = await call('GET', '/openapi.json', undefined, keys.inspect.headers)
  const { paths } = response.json<{ paths: Record<string, object> }>()
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(routes.map(([method, path]) => `${method} ${path}`).sort()).toEqual(served.sort())
})

describe.each(routes)('%s %s', (method, path, scope, body) => {
  test.each(scopes.map((held) => [held, scope === null || held === scope] as const))(
    'with a key of scope %s: %s',
    async (held, allowed) => {
      const response = await call(method, urlOf(path), body, keys[held].headers)
      if (allowed) expect([401, 403]).not.toContain(response.statusCode)
      else expect(response.json()).toMatchObject({ status: 403, code: 'FORBIDDEN', scope })
    },
  )

  test(`without a key is ${scope === null ? 'open' : 'refused'}`, async () => {
    const response = await call(method, urlOf(path), body)
    if (scope === null) {
      expect(response.statusCode).toBe(200)
    } else {
      expect(response.json()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
      expect(response.headers['www-authenticate']).toBe('Bearer')
    }
  })
})

describe.each(withName)('%s %s with a key for billing:', (method, path, _scope, body) => {
  test('reaches names that begin with it', async () => {
    expect((await call(method, urlOf(path), body, billing.headers)).statusCode).not.toBe(403)
  })

  test.each(['billing', 'Billing:a', 'xbilling:a', 'a', '%62illing', 'b%20d'])('does not reach %s', async (name) => {
    expect((await call(method, urlOf(path, name), body, billing.headers)).json()).toMatchObject({ status: 403 })
  })

  test('is told the same of a name outside, whether or not it exists', async () => {
    const headers = { ...billing.headers, 'x-request-id': 'same' }
    const unknown = await call(method, urlOf(path, 'secret'), body, headers)
    await store.configure({ semaphore: 'secret', limit: 1, bounded: true })
    const known = await call(method, urlOf(path, 'secret'), body, headers)
    await store.remove({ semaphore: 'secret', force: true })
    expect([known.statusCode, known.body]).toEqual([unknown.statusCode, unknown.body])
  })
})

describe('a key with a prefix', () => {
  const { headers, stored } = apiKey(['inspect'], 'billing:')
  const shared = openService({ settings: { apiKeys: stored } }, afterAll)

  beforeAll(async () => {
    for (const semaphore of ['billing:a', 'billing:b', 'mail:a']) {
      await shared.store.configure({ semaphore, limit: 1, bounded: true })
    }
  })

  test.each([
    ['', ['billing:a', 'billing:b']],
    ['bill', ['billing:a', 'billing:b']],
    ['billing:b', ['billing:b']],
    ['mail:', []],
  ])('lists with prefix "%s" what it reaches: %j', async (asked, names) => {
    const page = await shared.call('GET', `/v1/semaphores?prefix=${asked}`, undefined, headers)
    const { items } = page.json<{ items: { name: string }[] }>()
    expect(items.map(({ name }) => name).sort()).toEqual(names)
  })

  test('sees no other names in the metrics', async () => {
    const { body } = await shared.call('GET', '/metrics', undefined, headers)
    expect(body).toContain('semaphore="billing:a"')
    expect(body).not.toContain('mail')
  })
})

describe('the Authorization header', () => {
  const { key } = keys.inspect
  const statusOf = async (authorization: string) =>
    (await call('GET', '/v1/semaphores', undefined, { authorization })).statusCode

  test.each([`Bearer ${key}`, `bearer ${key}`, `BEARER   ${key}`])('is understood as %s', async (authorization) => {
    expect(await statusOf(authorization)).toBe(200)
  })

  test.each([
    key,
    `Basic ${key}`,
    `Bearer${key}`,
    `Bearer ${key}x`,
    `Bearer ${key.slice(0, -1)}`,
    `Bearer ${key} x`,
    'Bearer',
    'Bearer ',
    `Bearer ${'x'.repeat(5_000)}`,
  ])('is refused as %s', async (authorization) => {
    expect(await statusOf(authorization)).toBe(401)
  })
})

describe('without keys', () => {
  const careful = openService({}, afterAll)
  const open = openService({ settings: { insecure: true } }, afterAll)
  const ask = (headers: Record<string, string>, service = careful) =>
    service.call('POST', '/v1/semaphores/a/acquire', { create: { limit: 1_000 } }, headers)

  test.each(['localhost', 'localhost:7600', 'LOCALHOST:7600', '127.0.0.1:7600', '127.1.2.3', '[::1]:7600'])(
    'the Host %s is answered',
    async (host) => {
      expect((await ask({ host })).statusCode).toBe(200)
    },
  )

  test.each([
    'example.org',
    'localhost.example.org',
    '127.0.0.1.example.org',
    '10.0.0.1:7600',
    '[::2]',
    'localhost:7600@evil',
    'a localhost',
  ])('the Host %s is refused, unless SIGNALBOX_INSECURE says otherwise', async (host) => {
    expect((await ask({ host })).json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
    expect((await ask({ host }, open)).statusCode).toBe(200)
  })

  test.each([
    'https://example.org',
    'http://localhost:3000',
    'https://localhost:7600',
    'null',
    'http://127.0.0.1:7600',
    'file://',
  ])('a page of the origin %s is refused, unless SIGNALBOX_INSECURE says otherwise', async (origin) => {
    const refused = await ask({ host: 'localhost:7600', origin })
    expect(refused.json<ProblemBody>()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
    expect((await ask({ host: 'localhost:7600', origin }, open)).statusCode).toBe(200)
  })

  test('the service’s own origin is answered', async () => {
    expect((await ask({ host: 'localhost:7600', origin: 'http://localhost:7600' })).statusCode).toBe(200)
  })

  test('the check is before the routes, so that no path answers a foreign page', async () => {
    for (const url of ['/healthz', '/readyz', '/metrics', '/nowhere']) {
      expect((await careful.call('GET', url, undefined, { host: 'example.org' })).statusCode).toBe(403)
    }
  })
})

describe('a line of the key store', () => {
  const { line } = makeApiKey({ name: 'ci', scopes: ['acquire', 'inspect'], prefix: 'billing:' })

  test('is what keygen printed, and holds no key', () => {
    expect(line).toMatch(/^sha256:[0-9a-f]{64} scopes=acquire,inspect prefix=billing: name=ci$/)
    expect(parseApiKeys(line)).toMatchObject([
      { name: 'ci', prefix: 'billing:', scopes: new Set(['acquire', 'inspect']) },
    ])
  })

  test('may stand beside others, comments and empty lines', () => {
    expect(parseApiKeys(`# mine\n\n${line}; ${line.replace('ci', 'cd')}\r\n${line} # his`)).toHaveLength(3)
  })

  test.each([
    ['the key itself', apiKey(['acquire']).key],
    ['no scopes', line.replace(/ scopes=\S+/, '')],
    ['an unknown scope', line.replace('inspect', 'delete')],
    ['a bad prefix', line.replace('billing:', '{x}')],
    ['an unknown word', `${line} colour=red`],
    ['a word twice', `${line} name=cd`],
  ])('with %s is refused, and not repeated', (_what, text) => {
    expect(() => parseApiKeys(text)).toThrow(/^line 1: /)
    expect(() => parseApiKeys(text)).not.toThrow(text.slice(8, 40))
  })
})
