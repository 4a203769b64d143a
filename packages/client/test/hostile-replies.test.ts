import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  AuthenticationError,
  InvalidRequestError,
  SignalboxClient,
  SignalboxError,
  UnavailableError,
  type Fetch,
  type SignalboxEvent,
} from '../src/index.js'
import { json, leaseFor, startStranger, type SeenRequest, type Stranger } from './stranger.js'
import { arrived } from './wire.js'

// What answers at a port is not always the service. Whatever it is, callers get typed errors, and an acquire is undone.

let stranger: Stranger
let client: SignalboxClient
let seen: number
const events: SignalboxEvent[] = []
const html = '<!doctype html><title>Sign in to the coffee shop</title>'

beforeAll(async () => {
  stranger = await startStranger()
})
afterAll(() => stranger.stop())

beforeEach(() => {
  seen = stranger.requests.length
  events.length = 0
  client = new SignalboxClient({
    url: stranger.url,
    apiKey: 'sb_secret',
    retryForMs: 0,
    onEvent: (event) => events.push(event),
  })
})
afterEach(async () => {
  stranger.answer = (_request, response) => json(response, 410, { code: 'LEASE_NOT_HELD', detail: 'not held' })
  await client.close()
})

function requests(path: string): SeenRequest[] {
  return stranger.requests.slice(seen).filter((request) => request.path.endsWith(path))
}

async function failureOf(promise: Promise<unknown>): Promise<SignalboxError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof SignalboxError)) throw new Error(`Not a SignalboxError: ${String(error)}`)
  return error
}

describe('something that answers 200', () => {
  it.each([
    ['with a page', html],
    ['with nothing', ''],
    ['with broken JSON', '{"state":"held"'],
    ['with JSON of another kind', '[1,2,3]'],
    ['with null', 'null'],
    ['without the fields', '{"state":"held"}'],
  ])('%s gives no permit', async (_what, body) => {
    stranger.answer = (_request, response) => response.end(body)
    const error = await failureOf(client.semaphore('reports').acquire())
    expect(error).toMatchObject({ code: 'UNEXPECTED_REPLY', status: 200, retryable: false })
    await vi.waitFor(() => expect(requests('/release')).toHaveLength(1))
  })

  it.each([
    ['of another lease', { leaseId: '00000000-0000-4000-8000-000000000000' }],
    ['whose times are text', { expiresInMs: '30000' }],
    ['whose times are negative', { waitedMs: -1 }],
    ['whose fence is no whole number', { fence: 1.5 }],
    ['in another state', { state: 'waiting' }],
    ['of another semaphore', { semaphore: 'others' }],
    ['of other permits', { permits: 2 }],
    ['without a fence', { fence: 0 }],
    ['that lasts longer than asked for', { expiresInMs: 86_400_000 }],
    ['for ever', { ttlMs: 1e15 }],
  ])('with a lease %s gives no permit', async (_what, members) => {
    stranger.answer = (request, response) => json(response, 200, leaseFor(request, members))
    const error = await failureOf(client.semaphore('reports').acquire())
    expect(error.code).toBe('UNEXPECTED_REPLY')
    await vi.waitFor(() => expect(requests('/release')).toHaveLength(1))
    expect(requests('/release')[0]?.body).toContain('"retire":true')
  })

  it.each([
    ['a page', html],
    ['another lease', '{"state":"released","leaseId":"00000000-0000-4000-8000-000000000000","permits":1}'],
    ['another state', '{"state":"held"}'],
  ])('with %s has released nothing', async (_what, body) => {
    stranger.answer = (request, response) => {
      if (request.path.endsWith('/release')) response.end(body)
      else json(response, 200, leaseFor(request))
    }
    const lease = await client.semaphore('reports').acquire()
    expect((await failureOf(lease.release())).code).toBe('UNEXPECTED_REPLY')
  })

  it('to an inspect without the members is no state', async () => {
    stranger.answer = (_request, response) => json(response, 200, { name: 'reports', limit: 2 })
    expect((await failureOf(client.semaphore('reports').inspect())).code).toBe('UNEXPECTED_REPLY')
    stranger.answer = (_request, response) => json(response, 200, { items: [{ name: 'x' }], nextCursor: null })
    expect((await failureOf(client.semaphores().next())).code).toBe('UNEXPECTED_REPLY')
    stranger.answer = (_request, response) => json(response, 200, { items: [] })
    expect((await failureOf(client.semaphores().next())).code).toBe('UNEXPECTED_REPLY')
  })

  it('with more than 4 MiB is cut off', async () => {
    stranger.answer = (_request, response) => {
      response.end(`"${'x'.repeat(5 * 1024 * 1024)}"`)
    }
    const error = await failureOf(client.semaphore('reports').inspect())
    expect(error).toBeInstanceOf(UnavailableError)
    expect(error.message).toContain('longer than 4194304 bytes')
  })
})

describe('something that redirects', () => {
  it.each([301, 302, 307, 308])('with %i is not followed, so that the key stays here', async (status) => {
    stranger.answer = (_request, response) => {
      response.writeHead(status, { location: `${stranger.url}/elsewhere` }).end()
    }
    const error = await failureOf(client.semaphore('reports').tryAcquire())
    expect(error).toMatchObject({ code: 'UNEXPECTED_REPLY', status, retryable: false })
    expect(error.message).toContain(`${stranger.url}/elsewhere`)
    expect(requests('/elsewhere')).toHaveLength(0)
    expect(requests('/acquire')).toHaveLength(1)
  })
})

describe('a proxy', () => {
  it.each([408, 429, 502, 503, 504])('that answers %i is tried again, and is down, not busy', async (status) => {
    stranger.answer = (_request, response) => {
      response.writeHead(status, { 'content-type': 'text/html' }).end(html)
    }
    const error = await failureOf(client.semaphore('reports').tryAcquire())
    expect(error).toBeInstanceOf(UnavailableError)
    expect(error).toMatchObject({ code: 'UNEXPECTED_REPLY', status, retryable: true })
    expect(requests('/acquire')).toHaveLength(2)
    expect(new Set(requests('/acquire').map(({ body }) => body)).size).toBe(1)
  })

  it.each([400, 401, 403, 404, 500, 501])('that answers %i is not tried again', async (status) => {
    stranger.answer = (_request, response) => {
      response.writeHead(status, { 'content-type': 'text/html' }).end(html)
    }
    const error = await failureOf(client.semaphore('reports').tryAcquire())
    expect(error).toMatchObject({ code: 'UNEXPECTED_REPLY', status, retryable: false })
    expect(error.message).toContain('text/html')
    expect(requests('/acquire')).toHaveLength(1)
  })

  it('that closes the connection without an answer is down', async () => {
    stranger.answer = (_request, response) => response.destroy()
    const error = await failureOf(client.semaphore('reports').tryAcquire())
    expect(error).toBeInstanceOf(UnavailableError)
    expect(error).toMatchObject({ code: 'UNREACHABLE', status: undefined })
    expect(error.cause).toBeInstanceOf(SignalboxError)
  })

  it('that closes it in the middle of an answer is down', async () => {
    stranger.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('{"state":')
      setImmediate(() => response.destroy())
    }
    expect(await failureOf(client.semaphore('reports').tryAcquire())).toBeInstanceOf(UnavailableError)
  })
})

describe('a problem document', () => {
  it('of a newer service, with a code unknown here, keeps what it says', async () => {
    stranger.answer = (_request, response) => json(response, 409, { code: 'BRAND_NEW', detail: 'a new rule' })
    const error = await failureOf(client.semaphore('reports').acquire())
    expect(error).toMatchObject({ code: 'UNEXPECTED_REPLY', status: 409 })
    expect(error.message).toContain('BRAND_NEW')
  })

  it('whose status and code disagree is not believed', async () => {
    stranger.answer = (_request, response) => json(response, 200, { code: 'LEASE_NOT_HELD', detail: 'x' })
    expect((await failureOf(client.semaphore('reports').acquire())).code).toBe('UNEXPECTED_REPLY')
  })

  it('with a code like toString is no code', async () => {
    stranger.answer = (_request, response) => json(response, 400, { code: 'toString', detail: 'x' })
    expect((await failureOf(client.semaphore('reports').acquire())).code).toBe('UNEXPECTED_REPLY')
  })

  it('becomes its class, with the fields it names', async () => {
    const problem = {
      code: 'INVALID_REQUEST',
      detail: 'Wrong.',
      errors: [{ pointer: '/ttlMs', detail: 'too long' }, null, 7],
    }
    stranger.answer = (_request, response) => json(response, 400, problem, { 'x-request-id': 'r-17' })
    const error = await failureOf(client.semaphore('reports').acquire())
    expect(error).toBeInstanceOf(InvalidRequestError)
    expect(error).toMatchObject({ message: 'Wrong. (/ttlMs too long)', requestId: 'r-17', status: 400 })
    stranger.answer = (_request, response) => json(response, 401, { code: 'UNAUTHENTICATED', detail: 'No key.' })
    expect(await failureOf(client.semaphore('reports').acquire())).toBeInstanceOf(AuthenticationError)
  })
})

describe('a service that misbehaves', () => {
  it('and says STILL_WAITING at once is not asked in a busy loop', async () => {
    stranger.answer = (request, response) => {
      if (request.path.endsWith('/acquire')) json(response, 429, { code: 'STILL_WAITING', detail: 'wait' })
      else json(response, 200, { state: 'cancelled', leaseId: 'x', permits: 1 })
    }
    const controller = new AbortController()
    const acquiring = client.semaphore('reports').acquire({ signal: controller.signal })
    await vi.waitFor(() => expect(requests('/acquire').length).toBeGreaterThan(2))
    const startedAt = performance.now()
    const already = requests('/acquire').length
    await vi.waitFor(() => expect(requests('/acquire').length).toBeGreaterThan(already + 2), { timeout: 5_000 })
    // Three more attempts cost at least two pauses.
    expect(performance.now() - startedAt).toBeGreaterThan(150)
    controller.abort('enough')
    await expect(acquiring).rejects.toBe('enough')
    await vi.waitFor(() => expect(requests('/release')).toHaveLength(1))
  })

  it('and says so for ever to a call that does not wait has an end', async () => {
    stranger.answer = (_request, response) => json(response, 429, { code: 'STILL_WAITING', detail: 'wait' })
    const error = await failureOf(client.semaphore('reports').acquire({ waitMs: 0 }))
    expect(error).toMatchObject({ code: 'UNEXPECTED_REPLY', status: 429 })
    expect((await failureOf(client.semaphore('reports').acquire({ waitMs: 50 }))).code).toBe('UNEXPECTED_REPLY')
  })

  it('and says so just before the caller aborts is still told to forget the place', async () => {
    const controller = new AbortController()
    let acquires = 0
    const stillWaiting: Fetch = async (url, request) => {
      if (!url.endsWith('/acquire')) return await fetch(url, request)
      acquires++
      // All that is left until the pause are microtasks.
      setImmediate(() => controller.abort('enough'))
      return arrived(429, new Headers(), JSON.stringify({ code: 'STILL_WAITING', detail: 'wait' }))
    }
    stranger.answer = (_request, response) => json(response, 410, { code: 'LEASE_NOT_HELD', detail: 'not held' })
    const waiter = new SignalboxClient({ url: stranger.url, fetch: stillWaiting })
    await expect(waiter.semaphore('reports').acquire({ signal: controller.signal })).rejects.toBe('enough')
    // The first such answer might have been a batch's, which waits for nobody, so the second request is sent at once.
    expect(acquires).toBe(2)
    await vi.waitFor(() => expect(requests('/release')).toHaveLength(1))
  })

  it('and grants leases that have run out is given up, and each is undone', async () => {
    stranger.answer = (request, response) => {
      if (request.path.endsWith('/acquire')) json(response, 200, leaseFor(request, { expiresInMs: 0 }))
      else json(response, 410, { code: 'LEASE_NOT_HELD', detail: 'not held' })
    }
    const error = await failureOf(client.semaphore('reports').acquire())
    expect(error.code).toBe('LEASE_NOT_HELD')
    expect(error.message).toContain('had run out before it could be used')
    expect(requests('/acquire')).toHaveLength(2)
    await vi.waitFor(() => expect(requests('/release')).toHaveLength(1))
  })
})
