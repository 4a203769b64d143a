import { createRedisStore } from '@signalbox/engine'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { leaseId, openService, type ProblemBody } from './open-service.js'

/** Everything in Redis under this prefix, as bytes: what a refused request must leave as it was. */
async function snapshot(keyPrefix: string): Promise<Record<string, string | null>> {
  const { Redis } = await import('ioredis')
  const client = new Redis(inject('redisUrl'))
  try {
    const keys = (await client.keys(`${keyPrefix}*`)).sort()
    const dumps = await Promise.all(
      keys.map(async (key) => [key, (await client.dumpBuffer(key))?.toString('hex') ?? null]),
    )
    return Object.fromEntries(dumps) as Record<string, string | null>
  } finally {
    client.disconnect()
  }
}

const path = '/v1/semaphores/a'
const id = '3f0a3c52-8f5e-4a64-9d2c-0d2f3a1b4c5d'

interface Bad {
  readonly what: string
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly url: string
  /** As it goes over the wire. */
  readonly body?: string
  readonly pointer: string
  /** What the sentence must mention: the field and the value. */
  readonly says: RegExp
}

const fieldsOfAcquire: [field: string, value: string, says: RegExp][] = [
  ['permits', '"1"', /"permits" must be a whole number from 1 to 1000000, not "1"/],
  ['permits', '0', /"permits".*not 0/],
  ['permits', '-1', /"permits".*not -1/],
  ['permits', '1.5', /"permits".*not 1.5/],
  ['permits', '1e400', /"permits".*not Infinity/],
  ['permits', '1000001', /"permits".*not 1000001/],
  ['permits', '9007199254740993', /"permits".*not 9007199254740992/],
  ['permits', 'null', /"permits".*not null/],
  ['permits', 'true', /"permits".*not true/],
  ['permits', '[1]', /"permits".*not an array/],
  ['permits', '{}', /"permits".*not an object/],
  ['ttlMs', '0', /"ttlMs".*from 1 to 86400000, not 0/],
  ['ttlMs', '86400001', /"ttlMs".*not 86400001/],
  ['ttlMs', '"30s"', /"ttlMs".*not "30s"/],
  ['waitMs', '-1', /"waitMs".*from 0.*not -1/],
  ['waitMs', '1e30', /"waitMs".*not 1e\+30/],
  ['holder', '7', /"holder" must be of type string, not 7/],
  ['holder', `"${'x'.repeat(257)}"`, /"holder" must be at most 256 characters long, not "x{60,}.*\(259 characters\)/],
  ['holder', '"a\\u0000b"', /"holder" must be valid .*not "a\\u0000b"/],
  ['holder', '"a\\nb"', /"holder".*"a\\nb"/],
  ['leaseId', '"abc"', /"leaseId" must be valid \(A UUID.*not string/],
  ['leaseId', '7', /"leaseId" must be of type string, not number/],
  ['create', '1', /"create" must be of type object, not 1/],
  ['create/limit', '"2"', /"create\/limit".*not "2"/],
  ['create/limit', '-1', /"create\/limit".*from 0.*not -1/],
  ['create/bounded', '1', /"create\/bounded" must be of type boolean, not 1/],
  ['create/onConflict', '"replace"', /"create\/onConflict" must be one of \["keep","error"\], not "replace"/],
  ['create/size', '1', /There is no field "size"/],
  ['unknown', '1', /There is no field "unknown"/],
  ['__proto__', '{"permits":9}', /There is no field "__proto__"/],
  ['constructor', '{"prototype":{}}', /There is no field "constructor"/],
]

const acquires: Bad[] = fieldsOfAcquire.map(([field, value, says]) => {
  const [parent, child] = field.split('/')
  const others = child === undefined || child === 'limit' ? '' : '"limit":1,'
  const body = child === undefined ? `{"${field}":${value}}` : `{"${parent}":{${others}"${child}":${value}}}`
  return { what: `acquire ${body.slice(0, 60)}`, url: `${path}/acquire`, body, pointer: `/${field}`, says }
})

const bodies: Bad[] = ['null', '[]', '1', '"x"', 'true'].map((body) => ({
  what: `acquire with the body ${body}`,
  url: `${path}/acquire`,
  body,
  pointer: '',
  says: /The body must be of type object, not/,
}))

const others: Bad[] = [
  {
    what: 'release without an id',
    url: `${path}/release`,
    body: '{}',
    pointer: '/leaseId',
    says: /"leaseId" is missing/,
  },
  { what: 'release without a body', url: `${path}/release`, pointer: '', says: /The body must be of type object/ },
  {
    what: 'release, retire "true"',
    url: `${path}/release`,
    body: `{"leaseId":"${id}","retire":"true"}`,
    pointer: '/retire',
    says: /"retire" must be of type boolean, not "true"/,
  },
  {
    what: 'renew without ttl',
    url: `${path}/renew`,
    body: `{"leaseId":"${id}"}`,
    pointer: '/ttlMs',
    says: /"ttlMs" is missing/,
  },
  {
    what: 'add-permits without requestId',
    url: `${path}/add-permits`,
    body: '{"permits":1}',
    pointer: '/requestId',
    says: /"requestId" is missing/,
  },
  {
    what: 'PUT without limit',
    method: 'PUT',
    url: path,
    body: '{"bounded":true}',
    pointer: '/limit',
    says: /"limit" is missing/,
  },
  {
    what: 'PUT with a huge limit',
    method: 'PUT',
    url: path,
    body: '{"limit":1000001}',
    pointer: '/limit',
    says: /not 1000001/,
  },
  {
    what: 'pageSize 0',
    method: 'GET',
    url: `${path}/leases?pageSize=0`,
    pointer: '/pageSize',
    says: /query parameter "pageSize" must be a whole number from 1 to 1000, not 0/,
  },
  { what: 'pageSize 1e2', method: 'GET', url: `${path}/leases?pageSize=1e2`, pointer: '/pageSize', says: /not "1e2"/ },
  { what: 'pageSize +1', method: 'GET', url: `${path}/leases?pageSize=%2B1`, pointer: '/pageSize', says: /not "\+1"/ },
  {
    what: 'pageSize of 400 digits',
    method: 'GET',
    url: `${path}/leases?pageSize=${'9'.repeat(400)}`,
    pointer: '/pageSize',
    says: /\(402 characters\)/,
  },
  {
    what: 'pageSize twice',
    method: 'GET',
    url: `${path}/leases?pageSize=1&pageSize=2`,
    pointer: '/pageSize',
    says: /"pageSize".*not an array/,
  },
  {
    what: 'an unknown query parameter',
    method: 'GET',
    url: `${path}/leases?page=1`,
    pointer: '/page',
    says: /There is no query parameter "page"/,
  },
  {
    what: 'a query where there is none',
    method: 'GET',
    url: `${path}?verbose=1`,
    pointer: '/verbose',
    says: /There is no query parameter "verbose"/,
  },
  {
    what: 'a query on acquire',
    url: `${path}/acquire?waitMs=1`,
    pointer: '/waitMs',
    says: /There is no query parameter "waitMs"/,
  },
  { what: 'half an escape', method: 'GET', url: '/v1/semaphores/%zz', pointer: '', says: /percent sign/ },
  { what: 'an escape that is no UTF-8', method: 'GET', url: '/v1/semaphores/%FF', pointer: '', says: /percent sign/ },
  {
    what: 'a cursor nobody made',
    method: 'GET',
    url: '/v1/semaphores/taken/leases?cursor=nonsense',
    pointer: '/cursor',
    says: /"cursor" must be the nextCursor/,
  },
  {
    what: 'a cursor of 600 characters',
    method: 'GET',
    url: `${path}/leases?cursor=${'x'.repeat(600)}`,
    pointer: '/cursor',
    says: /"cursor" must be at most 512/,
  },
  {
    what: 'a prefix that no name has',
    method: 'GET',
    url: '/v1/semaphores?prefix=%7B',
    pointer: '/prefix',
    says: /"prefix".*"\{"/,
  },
  {
    what: 'force=1',
    method: 'DELETE',
    url: `${path}?force=1`,
    pointer: '/force',
    says: /"force" must be true or false, not "1"/,
  },
  {
    what: 'force without a value',
    method: 'DELETE',
    url: `${path}?force`,
    pointer: '/force',
    says: /"force" must be true or false, not ""/,
  },
  {
    what: 'DELETE with a body',
    method: 'DELETE',
    url: path,
    body: '{"force":true}',
    pointer: '',
    says: /takes no body/,
  },
  {
    what: 'fence 0',
    method: 'DELETE',
    url: `${path}/leases/0`,
    pointer: '/fence',
    says: /path parameter "fence".*not "0"/,
  },
  {
    what: 'fence above 2^53',
    method: 'DELETE',
    url: `${path}/leases/9999999999999999`,
    pointer: '/fence',
    says: /"fence" must be below 2\^53/,
  },
  { what: 'a lease id for a fence', method: 'DELETE', url: `${path}/leases/${id}`, pointer: '/fence', says: /"fence"/ },
]

const names: Bad[] = (
  [
    ['with a space', 'a%20b', /"name".*"a b"/],
    ['with a slash', 'a%2Fb', /"a\/b"/],
    ['with braces', '%7Ba%7D', /"\{a\}"/],
    ['with NUL', 'a%00', /"a\\u0000"/],
    ['with a line end', 'a%0A', /"a\\n"/],
    ['that is not ASCII', '%C3%A9', /"é"/],
    ['that begins with a dot', '.a', /"\.a"/],
    ['of 129 characters', 'x'.repeat(129), /\(131 characters\)/],
    ['of 1,000 characters', 'x'.repeat(1_000), /\(1002 characters\)/],
    ['of 9,000 characters', 'x'.repeat(9_000), /longer than any name/],
  ] as const
).map(([what, name, says]) => ({
  what: `a name ${what}`,
  method: 'GET',
  url: `/v1/semaphores/${name}`,
  pointer: '/name',
  says,
}))

describe('a request that is not valid', () => {
  const keyPrefix = `bad-input-${process.pid}:`
  const store = createRedisStore({ url: inject('redisUrl'), keyPrefix })
  const { app } = openService({ store }, afterAll)
  let before: Record<string, string | null>

  beforeAll(async () => {
    await vi.waitFor(() => store.ping())
    await store.acquire({
      semaphore: 'taken',
      leaseId: leaseId(),
      permits: 1,
      ttlMs: 600_000,
      enqueue: false,
      attachment: { replica: 'r', number: 1 },
      holder: '',
      create: { limit: 2, bounded: true, onConflict: 'keep' },
    })
    before = await snapshot(keyPrefix)
    expect(Object.keys(before).length).toBeGreaterThan(0)
  })

  test.each([...acquires, ...bodies, ...others, ...names])('$what: is refused with what is wrong', async (bad) => {
    const { method = 'POST', url, body: payload, pointer, says } = bad
    const headers = { 'content-type': 'application/json' }
    const response = await app.inject(payload === undefined ? { method, url } : { method, url, payload, headers })
    const problem = response.json<ProblemBody>()
    expect(problem).toMatchObject({ code: 'INVALID_REQUEST', status: 400 })
    expect(problem.detail).toMatch(says)
    if (problem.errors !== undefined) expect(problem.errors[0]?.pointer).toBe(pointer)
    else expect(pointer).toBe('')
    expect(response.body).not.toContain(id)
  })

  test('changes nothing in Redis', async () => {
    expect(await snapshot(keyPrefix)).toEqual(before)
  })
})

describe('a body that cannot be read', () => {
  const send = (payload: string, headers: Record<string, string> = {}) =>
    openService().app.inject({
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
    const { app } = openService()
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
    const { app } = openService()
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
    expect(problem.detail).toContain('and 999 more')
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
    expect((await openService().call('GET', url)).json()).toMatchObject({ code: 'ROUTE_NOT_FOUND', status: 404 })
  })

  test('a name may have 128 characters, and be percent-encoded', async () => {
    const { call } = openService()
    const name = 'x'.repeat(128)
    expect((await call('PUT', `/v1/semaphores/${name}`, { limit: 1 })).statusCode).toBe(201)
    const encoded = [...name].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join('')
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
    const response = await openService().app.inject({
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
    const response = await openService().app.inject({ method: 'HEAD', url: '/v1/semaphores' })
    expect([response.statusCode, response.body]).toEqual([200, ''])
  })
})
