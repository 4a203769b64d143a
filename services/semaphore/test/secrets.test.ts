import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { startTestRedis } from '@signalbox/test-redis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { makeAuthority } from './certificates.js'
import { everyRoute } from './every-route.js'
import { apiKey, leaseId } from './open-service.js'
import { run, temporaryDirectory, timeout, type Running } from './run-service.js'

const authority = makeAuthority(afterAll)
const certificate = authority.issue('service')
const password = 'Qk7-of-redis-6fWz'
const user = 'signalbox-user'
const [everything, acquirer] = [apiKey(['acquire', 'inspect', 'admin']), apiKey(['acquire'], 'billing:')]
const stranger = apiKey(['admin'])
const digests = [everything, acquirer, stranger].flatMap(({ stored }) => stored.map(({ digest }) => digest))

/** Never in a line of the log, nor in an answer, whoever put them where. */
const secrets: readonly string[] = [
  ...[everything, acquirer, stranger].map(({ key }) => key),
  ...digests.flatMap((digest) => [digest.toString('hex'), digest.toString('base64')]),
  password,
  ...certificate.key.split('\n').filter((line) => line !== '' && !line.startsWith('-----')),
]

let redis: Awaited<ReturnType<typeof startTestRedis>>
beforeAll(async () => {
  redis = await startTestRedis({ ownServer: true })
  const socket = connect(redis.port, redis.host)
  socket.write(`ACL SETUSER ${user} on >${password} ~* &* +@all\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  expect(String(answer)).toBe('+OK\r\n')
})
afterAll(() => redis.stop())

interface Sent {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body: string
}

interface Answer {
  readonly to: Sent
  readonly status: number
  /** Head and body. */
  readonly text: string
}

async function start(credentials: string): Promise<Running & { send: (sent: Partial<Sent>) => Promise<Answer> }> {
  const keyFile = join(temporaryDirectory(), 'keys')
  writeFileSync(keyFile, acquirer.line)
  const service = run({
    LOG_LEVEL: 'trace',
    REDIS_URL: `redis://${credentials}@${redis.host}:${redis.port}`,
    SIGNALBOX_API_KEYS: everything.line,
    SIGNALBOX_API_KEYS_FILE: keyFile,
    SIGNALBOX_TLS_CERT_FILE: certificate.certFile,
    SIGNALBOX_TLS_KEY_FILE: certificate.keyFile,
    SIGNALBOX_CAP_MS: '50',
  })
  const at = await service.url()
  const send = (given: Partial<Sent>) =>
    new Promise<Answer>((resolve, reject) => {
      const to = { method: 'GET', path: '/', headers: everything.headers, body: '', ...given }
      const { method, headers, body } = to
      const type = body === '' ? {} : { 'content-type': 'application/json', 'content-length': String(body.length) }
      const tls = { ca: authority.cert, servername: 'localhost', agent: false }
      const options = { method, path: to.path, headers: { ...type, ...headers }, ...tls }
      const sent = request(at, options, (response) => {
        let text = JSON.stringify(response.rawHeaders)
        const done = () => resolve({ to, status: response.statusCode ?? 0, text })
        response.on('data', (chunk) => {
          text += String(chunk)
          // A live stream has no end.
          if (!text.includes('event: ')) return
          done()
          sent.destroy()
        })
        response.once('end', done)
        response.once('error', reject)
      })
      sent.once('error', reject)
      sent.end(body)
    })
  return { ...service, send }
}

/** The same call with something that is secret in every place where a confused caller could put it. */
function misplaced(secret: string, { method, path, body }: Sent): Partial<Sent>[] {
  const text = (value: unknown) => ({ method, path, body: JSON.stringify(value) })
  return [
    ...[secret, `Basic ${secret}`, `Bearer ${secret} ${secret}`, `Bearer=${secret}`, `Bearer ${secret}x`].map(
      (authorization) => ({ method, path, body, headers: { authorization } }),
    ),
    { method, path: `${path}${path.includes('?') ? '&' : '?'}key=${secret}`, body },
    { method, path: `${path}${path.includes('?') ? '&' : '?'}${secret}=1`, body },
    { method, path: `${path}/${secret}`, body },
    { method, path: `/${secret}`, body },
    { method, path, body, headers: { ...everything.headers, origin: secret, host: secret, cookie: `key=${secret}` } },
    { method, path, body: '{}', headers: { ...everything.headers, 'content-type': secret } },
    { method, path, body, headers: { ...everything.headers, expect: secret } },
    text(secret),
    text({ [secret]: 1, key: secret }),
    text({ leaseId: `${secret}!`, requestId: `${secret}!`, permits: secret, ttlMs: secret, limit: secret }),
    text({ leaseId: [secret], holder: { secret }, create: secret, bounded: secret, retire: secret }),
    { method, path, body: `{"leaseId":"${secret}",` },
    { method, path, body: secret },
  ]
}

/** The calls of a life: every route with what it takes, and what there is to say no to. */
function calls(id: string): Sent[] {
  const held = { leaseId: id, fence: 1 }
  return everyRoute.map(({ method, path, body, query = '' }) => ({
    method,
    path: `${path.replace('{name}', 'billing:a').replace('{fence}', '1')}${query}`,
    headers: everything.headers,
    body: body === undefined ? '' : JSON.stringify(body(held)),
  }))
}

async function exercise(send: (sent: Partial<Sent>) => Promise<Answer>) {
  const answers: Answer[] = []
  const ids: string[] = []
  const say = async (sent: Partial<Sent>) => {
    const answer = await send(sent)
    answers.push(answer)
    return answer
  }
  const post = (name: string, call: string, body: object) =>
    say({ method: 'POST', path: `/v1/semaphores/${name}/${call}`, body: JSON.stringify(body) })
  const make = () => {
    const id = leaseId()
    ids.push(id)
    return id
  }
  // A lease whose id the caller chose, one whose id the service made, a waiter, a repeat, a conflict and what is over.
  const mine = make()
  await post('billing:a', 'acquire', { leaseId: mine, holder: 'me', create: { limit: 2 } })
  const made = /"leaseId":"([^"]+)"/.exec((await post('billing:a', 'acquire', {})).text)?.[1]
  if (made !== undefined) ids.push(made)
  await post('billing:a', 'acquire', { leaseId: make(), waitMs: 10_000 })
  await post('billing:a', 'acquire', { leaseId: mine, permits: 2 })
  await post('billing:a', 'renew', { leaseId: mine, ttlMs: 60_000 })
  await post('billing:a', 'renew', { leaseId: make(), ttlMs: 60_000 })
  for (const path of ['', '/leases', '/waiters']) await say({ path: `/v1/semaphores/billing:a${path}` })
  await say({ path: '/v1/semaphores' })
  await say({ path: '/metrics' })
  const placed = make()
  for (const call of calls(mine)) {
    for (const secret of [everything.key, stranger.key, placed])
      for (const wrong of misplaced(secret, call)) await say(wrong)
    await say({ ...call, headers: {} })
    await say({ ...call, headers: stranger.headers })
    await say({ ...call, headers: acquirer.headers })
    await say(call)
  }
  await say({ path: `/v1/semaphores?cursor=${placed}` })
  await say({ path: `/v1/semaphores?prefix=${everything.key}&cursor=${everything.key}` })
  await say({ path: `/v1/semaphores/${placed}` })
  await say({ method: 'DELETE', path: `/v1/semaphores/${placed}` })
  await say({ method: 'DELETE', path: `/v1/semaphores/a/leases/${placed}` })
  await say({ path: '/metrics' })
  return { answers, ids }
}

/** Something that is no HTTP, with the secrets in it. */
async function sendNoise(url: string): Promise<string> {
  const socket = connectTls({ port: Number(new URL(url).port), host: '127.0.0.1', ca: authority.cert })
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (chunk) => (text += String(chunk)))
  socket.on('error', () => undefined)
  socket.write(`${everything.key} ${stranger.key} HTTP/1.1\r\nAuthorization ${everything.key}\r\n\r\n`)
  await once(socket, 'close')
  return text
}

function expectKept(output: string, { answers, ids }: Awaited<ReturnType<typeof exercise>>) {
  for (const secret of [...secrets, ...ids]) expect(output).not.toContain(secret)
  for (const { to, text } of answers) {
    // What is sent where a name belongs is a name, and its answer says it.
    const name = /^\/v1\/semaphores\/([^/?]+)/.exec(to.path)?.[1]
    for (const secret of secrets) if (secret !== name) expect(text, `${to.method} ${to.path}`).not.toContain(secret)
    const asked = `${to.path} ${to.body} ${JSON.stringify(to.headers)}`
    const given = to.path.endsWith('/acquire') ? /"leaseId":"([^"]+)"/.exec(text)?.[1] : undefined
    const foreign = ids.filter((id) => text.includes(id) && !asked.includes(id) && id !== given)
    expect(foreign, `${to.method} ${to.path}`).toEqual([])
  }
}

describe('no key, digest, password or lease id leaves the service where it does not belong', () => {
  test('while all is well', async () => {
    const { send, output, url } = await start(`${user}:${password}`)
    await vi.waitFor(async () => expect((await send({ path: '/readyz' })).status).toBe(200), { timeout, interval: 50 })
    const all = await exercise(send)
    const noise = await sendNoise(await url())
    for (const secret of secrets) expect(noise).not.toContain(secret)
    // It was put to work, and said something.
    expect(new Set(all.answers.map(({ status }) => status))).toEqual(
      new Set([200, 204, 400, 401, 403, 404, 405, 409, 410, 415, 429]),
    )
    expect(all.ids).toHaveLength(5)
    expect(output()).toMatch(/"msg":"audit"/)
    expect(output()).toMatch(/"msg":"answered"/)
    expectKept(output(), all)
  })

  test('while Redis refuses its password', async () => {
    const { send, output } = await start(`${user}:${password}x`)
    await vi.waitFor(() => expect(output()).toMatch(/The store cannot be reached/), { timeout })
    const ready = await send({ path: '/readyz' })
    expect(ready.text).toMatch(/WRONGPASS/)
    const all = await exercise(send)
    expect(all.answers.some(({ status }) => status === 503)).toBe(true)
    expectKept(output(), { ...all, answers: [...all.answers, ready] })
  })

  test.each([
    ['a URL of Redis that is none', { REDIS_URL: `redis://${user}:${password}@` }],
    ['a URL of another kind', { REDIS_URL: `http://${user}:${password}@127.0.0.1` }],
    ['a key in place of its line', { SIGNALBOX_API_KEYS: everything.key }],
    ['a line that is broken', { SIGNALBOX_API_KEYS: `${everything.line} ${everything.key}` }],
    ['a key in place of a file', { SIGNALBOX_API_KEYS_FILE: everything.key }],
    ['a key as the name of a variable', { [`SIGNALBOX_${everything.key}`]: '1', PORT: 'x' }],
    [
      'a file of TLS that is none',
      { SIGNALBOX_TLS_CERT_FILE: certificate.keyFile, SIGNALBOX_TLS_KEY_FILE: certificate.keyFile },
    ],
  ])('when it does not start for %s', async (_what, env) => {
    const { output, ended } = run({ LOG_LEVEL: 'trace', ...env })
    expect(await ended).toBe(1)
    for (const secret of secrets) expect(output()).not.toContain(secret)
  })
})
