import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { BoundedSemaphore, closeDefaultClient, InvalidRequestError, Semaphore, SignalboxClient } from '../src/index.js'
import { connect, startService } from './service.js'
import { cut, Wire } from './wire.js'

describe('a client', () => {
  it('is set up from the environment when nothing is given, when it is first used', async () => {
    const service = await startService()
    onTestFinished(() => closeDefaultClient({ timeoutMs: undefined }))
    const semaphore = new Semaphore('reports', 2)
    const bounded = new BoundedSemaphore('reports-b', 2)
    vi.stubEnv('SIGNALBOX_URL', service.url)
    vi.stubEnv('SIGNALBOX_HOLDER', 'nightly')
    const lease = await semaphore.acquire()
    expect(lease.holder).toBe('nightly')
    await bounded.acquire()
    await closeDefaultClient()
    expect(await service.state('reports')).toMatchObject({ used: 0 })
    expect(await service.state('reports-b')).toMatchObject({ used: 0 })
    // And anew after that.
    await semaphore.run(() => undefined)
  })

  it('by default reaches for this machine', async () => {
    vi.stubEnv('SIGNALBOX_URL', '')
    const wire = new Wire()
    const urls: string[] = []
    const client = new SignalboxClient({
      retryForMs: 0,
      fetch: (url, request) => {
        urls.push(url)
        return wire.fetch(url, request)
      },
    })
    wire.before = () => cut()
    await client
      .semaphore('a:b')
      .inspect()
      .catch(() => undefined)
    expect(urls[0]).toBe('http://127.0.0.1:7600/v1/semaphores/a%3Ab')
  })

  it('keeps the path of its url', async () => {
    const urls: string[] = []
    const fetch = (url: string): never => {
      urls.push(url)
      return cut()
    }
    const client = new SignalboxClient({ url: 'https://host.example/signalbox/', retryForMs: 0, fetch })
    await client
      .semaphore('a')
      .inspect()
      .catch(() => undefined)
    expect(urls[0]).toBe('https://host.example/signalbox/v1/semaphores/a')
  })

  it('says who holds: host and process, or what it was told, call before semaphore before client', async () => {
    const service = await startService()
    const { client } = connect(service)
    const lease = await client.semaphore('reports', 9).acquire()
    expect(lease.holder).toMatch(new RegExp(`^.+:${process.pid}$`))
    const named = connect(service, { holder: 'client' }).client
    const ofSemaphore = named.semaphore('reports', 9, { holder: 'semaphore' })
    expect((await named.semaphore('reports', 9).acquire()).holder).toBe('client')
    expect((await ofSemaphore.acquire()).holder).toBe('semaphore')
    expect((await ofSemaphore.acquire({ holder: 'call' })).holder).toBe('call')
    const page = await service.engine.leases({ semaphore: 'reports', cursor: null, pageSize: 10 })
    expect(page).toMatchObject({
      items: [{ holder: lease.holder }, { holder: 'client' }, { holder: 'semaphore' }, { holder: 'call' }],
    })
  })

  it('sends its key, its name, and the headers and fetch options it was given', async () => {
    const seen: Record<string, unknown>[] = []
    const fetch = (_url: string, request: object): never => {
      seen.push({ ...request })
      return cut()
    }
    const client = new SignalboxClient({
      apiKey: 'sb_key',
      headers: { 'X-Team': 'billing', Authorization: 'overruled' },
      fetchOptions: { dispatcher: 'theirs', method: 'DELETE' },
      retryForMs: 0,
      fetch,
    })
    await client
      .semaphore('a')
      .resize(1)
      .catch(() => undefined)
    expect(seen[0]).toMatchObject({
      method: 'PUT',
      dispatcher: 'theirs',
      redirect: 'manual',
      body: '{"limit":1}',
      headers: {
        authorization: 'Bearer sb_key',
        'content-type': 'application/json',
        'x-team': 'billing',
        'user-agent': expect.stringMatching(/^signalbox-js\/\d+\.\d+\.\d+ \(node\/\d+/) as string,
      },
    })
  })

  it.each([
    [{ url: 'nonsense' }, 'nonsense'],
    [{ url: 'ftp://host' }, 'ftp:'],
    [{ timeoutMs: NaN }, 'timeoutMs'],
    [{ retryForMs: -1 }, 'retryForMs'],
    [{ timeoutMs: '5' as unknown as number }, 'not "5"'],
    [{ URL: 'http://127.0.0.1:7601' }, 'There is no option URL'],
    ['http://127.0.0.1:7601' as unknown as object, 'must be an object'],
  ])('with %j is refused at once, with the reason', (options, named) => {
    expect(() => new SignalboxClient(options)).toThrow(InvalidRequestError)
    expect(() => new SignalboxClient(options)).toThrow(named)
  })

  it.each([{ url: 'http://user:hunter2@host' }, { apiKey: 'hunter2\n' }, { apiKey: 'hunter2 é' }])(
    'with a secret where none can be (%#) is refused without showing it',
    (options) => {
      expect(() => new SignalboxClient(options)).toThrow(InvalidRequestError)
      expect(() => new SignalboxClient(options)).not.toThrow(/hunter2/)
    },
  )

  it.each([
    [{ 'x team': 'billing' }, '"x team"'],
    [{ '': 'billing' }, '""'],
    [{ 'x-team': 'hunter2\n' }, 'x-team'],
    [{ 'x-team': 'hunter2 \u20ac' }, 'x-team'],
    [{ 'x-team': undefined }, 'x-team'],
    [{ 'x-team': 5 }, 'x-team'],
  ])('with headers that cannot be sent (%j) is refused, by their name', (headers, named) => {
    const make = (): unknown => new SignalboxClient({ headers: headers as unknown as Record<string, string> })
    expect(make).toThrow(InvalidRequestError)
    expect(make).toThrow(named)
    expect(make).not.toThrow(/hunter2/)
  })

  it('sends every header that is not refused', async () => {
    const service = await startService()
    const headers = { "!#$%&'*+.^_`|~-a9": 'a\tb \u00e9~', 'x-empty': '' }
    const { client } = connect(service, { headers, retryForMs: 0 })
    await client.semaphore('reports', 1).run(() => undefined)
    await connect(service, { headers, fetch, retryForMs: 0 })
      .client.semaphore('reports', 1)
      .run(() => undefined)
  })

  it('of another kind is no client', () => {
    expect(() => new Semaphore('x', 1, { client: { close: () => Promise.resolve() } })).toThrow(TypeError)
  })
})

describe('events and logs', () => {
  it('survive listeners and loggers that throw, now or later', async () => {
    const service = await startService()
    const fails = (): never => {
      throw new Error('theirs')
    }
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- what a careless program passes
    const failsLater: () => void = () => Promise.reject(new Error('theirs, later'))
    for (const theirs of [fails, failsLater]) {
      const { client } = connect(service, { onEvent: theirs, logger: { warn: theirs } })
      await client.boundedSemaphore('reports', 2).run(() => undefined)
      await client.boundedSemaphore('reports', 5).run(() => undefined)
    }
  })

  it('with SIGNALBOX_LOG=debug tell each request, without keys and lease ids', async () => {
    vi.stubEnv('SIGNALBOX_LOG', 'debug')
    const service = await startService()
    const lines: string[] = []
    const logger = { warn: (line: string) => lines.push(line), debug: (line: string) => lines.push(line) }
    const wire = new Wire()
    const { client } = connect(service, { apiKey: 'sb_very_secret', logger, fetch: wire.fetch })
    const lease = await client.semaphore('reports', 1).acquire()
    let failures = 1
    wire.before = () => {
      if (failures-- > 0) throw new Error(`a proxy that tells ${lease.id} and sb_very_secret`)
    }
    await lease.release()
    await lease.renew().catch(() => undefined)
    await client
      .semaphore('reports')
      .adopt(lease.id)
      .catch(() => undefined)
    expect(lines.join('\n')).toContain('POST /v1/semaphores/reports/acquire -> 200')
    expect(lines.join('\n')).toContain('a proxy that tells [id] and [key]')
    expect(lines.join('\n')).not.toContain(lease.id)
    expect(lines.join('\n')).not.toContain('sb_very_secret')
  })

  it('by default go to standard error: what the program prints is its own', async () => {
    vi.stubEnv('SIGNALBOX_LOG', 'debug')
    const service = await startService()
    const told: string[] = []
    const written = (method: 'log' | 'info' | 'debug' | 'warn' | 'error') =>
      vi.spyOn(console, method).mockImplementation(() => void told.push(method))
    for (const method of ['log', 'info', 'debug', 'warn', 'error'] as const) written(method)
    const client = new SignalboxClient({ url: service.url })
    onTestFinished(() => client.close({ timeoutMs: undefined }))
    await client.boundedSemaphore('reports', 1).run(() => undefined)
    await client.boundedSemaphore('reports', 2).run(() => undefined)
    // Node writes these two there.
    expect(new Set(told)).toEqual(new Set(['error', 'warn']))
  })

  it('without it tell nothing', async () => {
    const service = await startService()
    const { client, warnings } = connect(service)
    await client.semaphore('reports', 1).run(() => undefined)
    expect(warnings).toEqual([])
  })
})
