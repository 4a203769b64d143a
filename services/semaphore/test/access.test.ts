import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeApiKey, parseApiKeys, scopes } from '@signalbox/semaphore-service'
import { ask, everyRoute, openWorld, semaphore } from './every-route.js'
import { apiKey, leaseId, openService, type ProblemBody } from './open-service.js'

const withName = everyRoute.filter(({ path }) => path.includes('{name}'))
const urlOf = (path: string, name: string) => path.replace('{name}', name).replace('{fence}', '1')

/** For every scope one key without a prefix, one whose prefix the asked name has, and one whose prefix it has not. */
const held = scopes.flatMap((scope) =>
  ['', 'billing:', 'mail:'].map((prefix) => ({ scope, prefix, ...apiKey([scope], prefix) })),
)
const everything = apiKey(scopes, 'billing:')
const apiKeys = [...held, everything].flatMap(({ stored }) => stored)

test('the list of routes is all that are served', async () => {
  const { call } = openService({ settings: { apiKeys } })
  const inspect = held.find(({ scope, prefix }) => scope === 'inspect' && prefix === '')
  const response = await call('GET', '/openapi.json', undefined, inspect?.headers)
  const { paths } = response.json<{ paths: Record<string, object> }>()
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(everyRoute.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(served.sort())
})

describe.each(everyRoute)('$method $path', (route) => {
  const { scope, path } = route
  /** What the caller is told, and that one who is refused has changed nothing. */
  const answerTo = async (headers: Record<string, string>) => {
    const service = await openWorld({ settings: { apiKeys } })
    const before = await service.world()
    const response = await ask(service, route, headers)
    if (response.statusCode === 401 || response.statusCode === 403) expect(await service.world()).toEqual(before)
    return response
  }

  test.each([
    ['no key', {}],
    ['a wrong key', { authorization: `Bearer ${makeApiKey({ name: 'x', scopes, prefix: '' }).key}` }],
    ['the stored digest for a key', { authorization: `Bearer ${apiKeys[0]?.digest.toString('hex') ?? ''}` }],
    ['a key in a header of its own', { 'x-api-key': everything.key }],
    ['a key for basic authentication', { authorization: `Basic ${btoa(`:${everything.key}`)}` }],
  ])(`with %s: ${scope === null ? 'let through' : 'refused'}`, async (_what, headers) => {
    const response = await answerTo(headers)
    if (scope === null) {
      expect(response.statusCode).toBe(route.status)
    } else {
      expect(response.json()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
      expect(response.headers['www-authenticate']).toBe('Bearer')
    }
  })

  test.each(held)('with a key of scope $scope and prefix "$prefix"', async (key) => {
    const response = await answerTo(key.headers)
    const isOutside = path.includes('{name}') && key.prefix === 'mail:'
    if (scope === null || scope === 'any' || (scope === key.scope && !isOutside))
      expect(response.statusCode).toBe(route.status)
    else if (scope !== key.scope) expect(response.json()).toMatchObject({ status: 403, code: 'FORBIDDEN', scope })
    else expect(response.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  })
})

test.each(everyRoute.filter(({ method }) => method === 'GET'))(
  'HEAD $path is as open as GET',
  async ({ path, scope }) => {
    const { app } = openService({ settings: { apiKeys } })
    const { statusCode } = await app.inject({ method: 'HEAD', url: urlOf(path, semaphore) })
    expect(statusCode).toBe(scope === null ? 200 : 401)
  },
)

describe.each(withName)('$method $path with a key for billing:', ({ method, path, body }) => {
  const { call, store } = openService({ settings: { apiKeys } }, afterAll)
  const payload = body?.({ leaseId: leaseId(), fence: 1 })

  test.each(['billing', 'Billing:a', 'xbilling:a', 'a', '%62illing', 'b%20d', 'billing%3', '..%2fbilling:a'])(
    'does not reach %s',
    async (name) => {
      const { statusCode } = await call(method, urlOf(path, name), payload, everything.headers)
      expect(statusCode).toBe(name === 'billing%3' ? 400 : 403)
    },
  )

  test('is told the same of a name outside, whether or not it exists', async () => {
    const headers = { ...everything.headers, 'x-request-id': 'same' }
    const unknown = await call(method, urlOf(path, 'secret'), payload, headers)
    await store.configure({ semaphore: 'secret', limit: 1, bounded: true })
    const known = await call(method, urlOf(path, 'secret'), payload, headers)
    await store.remove({ semaphore: 'secret', force: true })
    expect([known.statusCode, known.body]).toEqual([unknown.statusCode, unknown.body])
  })
})

describe('a key with a prefix', () => {
  const { headers, stored } = apiKey(['inspect'], 'billing:')
  const shared = openService({ settings: { apiKeys: stored } }, afterAll)

  beforeAll(async () => {
    for (const name of ['billing:a', 'billing:b', 'mail:a']) {
      await shared.store.configure({ semaphore: name, limit: 1, bounded: true })
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
  const { key, stored } = apiKey(['inspect'])
  const { call } = openService({ settings: { apiKeys: stored } }, afterAll)
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
