import { afterAll, describe, expect, test } from 'vitest'
import { openService, type ProblemBody } from './open-service.js'
import { id } from './bad-requests.js'

const path = '/v1/semaphores/a'
const { app, call } = openService({}, afterAll)

describe('a body that cannot be read', () => {
  const send = (payload: string, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: `${path}/acquire`,
      payload,
      headers: { 'content-type': 'application/json', ...headers },
    })

  test.each(['{', '{"a":}', "{'permits':1}", '{"permits":NaN}', '{"permits":1,}', '{"permits":01}', '\u0000', '{}{}'])(
    '%j is no JSON, and is not repeated',
    async (payload) => {
      const response = await send(payload)
      expect(response.json()).toMatchObject({ code: 'INVALID_REQUEST' })
      expect(response.json<ProblemBody>().detail).toMatch(/^The body is not valid JSON(?: \(at position \d+\))?\.$/)
    },
  )

  test('broken JSON with a lease id in it does not echo it', async () => {
    expect((await send(`{"leaseId":"${id}",}`)).body).not.toContain(id)
    expect((await send(`{"leaseId":"${id}" "x"}`)).body).not.toContain('3f0a')
  })

  test.each([
    ['text/plain', '{}'],
    ['application/x-www-form-urlencoded', 'permits=1'],
    ['application/json-patch+json', '[]'],
    ['nonsense', '{}'],
  ])('of type %s is refused with what to do', async (type, payload) => {
    const problem = (await send(payload, { 'content-type': type })).json<ProblemBody>()
    expect(problem).toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE', status: 415 })
    expect(problem.detail).toContain('curl --json')
    expect(problem.detail).toContain(type)
  })

  test('without a type is refused, unless it is empty', async () => {
    const url = `${path}/acquire`
    const typeless = await app.inject({ method: 'POST', url, payload: Buffer.from('{}'), headers: {} })
    expect(typeless.json()).toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' })
    expect((await app.inject({ method: 'POST', url })).json()).toMatchObject({ code: 'SEMAPHORE_NOT_FOUND' })
  })

  test('is cut at the limit, whether or not its length was announced', async () => {
    const response = await send(`{"holder":"${'x'.repeat(16_400)}"}`)
    expect(response.json()).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', status: 413, bodyBytesMax: 16_384 })
    const exact = `{"holder":"${'x'.repeat(16_384 - 13)}"}`
    expect(exact).toHaveLength(16_384)
    expect((await send(exact)).json()).toMatchObject({ code: 'INVALID_REQUEST' })
  })

  test('is not looked at by GET', async () => {
    const response = await app.inject({
      method: 'GET',
      url: '/v1/semaphores',
      payload: 'x',
      headers: { 'content-type': 'text/x' },
    })
    expect(response.statusCode).toBe(200)
  })

  test('with a thousand wrong fields is answered with the first few', async () => {
    const fields = Object.fromEntries(Array.from({ length: 1_000 }, (_value, index) => [`f${index}`, 0]))
    const problem = (await send(JSON.stringify(fields))).json<ProblemBody>()
    expect(problem.errors).toHaveLength(8)
    expect(problem.detail).toContain('and 998 more')
  })
})

describe('paths', () => {
  test.each([
    '/',
    '/v1',
    '/v1/semaphores/a/',
    '/v1/semaphores/a/acquire/',
    '/V1/semaphores',
    '/v1/semaphores/a/b/c',
    '//healthz',
  ])('%s is no route', async (url) => {
    expect((await call('GET', url)).json()).toMatchObject({ code: 'ROUTE_NOT_FOUND', status: 404 })
  })

  test('a name may have 128 characters, and be percent-encoded', async () => {
    const name = 'x'.repeat(128)
    expect((await call('PUT', `/v1/semaphores/${name}`, { limit: 1 })).statusCode).toBe(201)
    const encoded = '%78'.repeat(128)
    expect((await call('GET', `/v1/semaphores/${encoded}`)).json()).toMatchObject({ name })
  })

  test.each([
    ['PATCH', '/v1/semaphores/a', 'GET, HEAD, PUT, DELETE'],
    ['GET', '/v1/semaphores/a/acquire', 'POST'],
    ['HEAD', '/v1/semaphores/a/acquire', 'POST'],
    ['OPTIONS', '/healthz', 'GET, HEAD'],
    ['DELETE', '/v1/semaphores', 'GET, HEAD'],
    ['POST', '/v1/semaphores/a/leases/1', 'DELETE'],
  ] as const)('%s %s is told which methods there are', async (method, url, allow) => {
    const response = await app.inject({
      method,
      url,
      payload: '<x/>',
      headers: { 'content-type': 'text/xml' },
    })
    expect(response.statusCode).toBe(405)
    const ordered = String(response.headers['allow']).split(', ').sort()
    expect(ordered).toEqual(allow.split(', ').sort())
  })

  test('every GET has a HEAD', async () => {
    const response = await app.inject({ method: 'HEAD', url: '/v1/semaphores' })
    expect([response.statusCode, response.body]).toEqual([200, ''])
  })
})
