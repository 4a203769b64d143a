import { describe, expect, it, vi } from 'vitest'
import { LeaseLostError, SignalboxError, UnavailableError } from '../src/index.js'
import { connect, redisStore, startService } from './service.js'
import { cut, gate, Wire } from './wire.js'

describe.each([
  ['memory', () => undefined],
  ['redis', redisStore],
])('with replies lost, over the %s store', (_name, makeStore) => {
  async function start() {
    const store = makeStore()
    const service = await startService(store === undefined ? {} : { store })
    const wire = new Wire()
    return { service, wire, ...connect(service, { fetch: wire.fetch }) }
  }

  it('an acquire is one acquire, under one id (T4)', async () => {
    const { client, service, wire, seen } = await start()
    const fences: unknown[] = []
    let losses = 2
    wire.after = async ({ call }, response) => {
      if (call !== 'acquire' || losses-- <= 0) return
      fences.push((JSON.parse(await read(response)) as { fence: number }).fence)
      cut()
    }
    const lease = await client.semaphore('reports', 3).acquire()
    expect(fences).toEqual([lease.fence, lease.fence])
    expect(await service.state('reports')).toMatchObject({ used: 1 })
    expect(new Set(wire.calls('acquire').map(({ body }) => body['leaseId']))).toEqual(new Set([lease.id]))
    expect(seen('retry')).toHaveLength(2)
    await lease.release()
    expect(wire.calls('release')[0]?.body).toEqual({ leaseId: lease.id, retire: true })
    expect(await service.state('reports')).toMatchObject({ used: 0 })
  })

  it('an acquire given up leaves nothing behind', async () => {
    const { client, service, wire } = await start()
    wire.after = ({ call }) => (call === 'acquire' ? cut() : undefined)
    const error = await client
      .semaphore('reports', 1)
      .tryAcquire()
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(UnavailableError)
    await vi.waitFor(async () => expect(await service.state('reports')).toMatchObject({ used: 0 }))
  })

  it('a release is one release', async () => {
    const { client, service, wire, seen } = await start()
    const lease = await client.boundedSemaphore('reports', 2).acquire()
    await client.boundedSemaphore('reports', 2).acquire()
    let losses = 2
    wire.after = ({ call }) => {
      if (call === 'release' && losses-- > 0) cut()
    }
    await lease.release()
    expect(wire.calls('release')).toHaveLength(3)
    expect(await service.state('reports')).toMatchObject({ used: 1 })
    expect(seen('release-failed')).toEqual([])
  })

  it('a renewal is tried again, and never shortens the lease', async () => {
    const { client, wire, seen } = await start()
    const lease = await client.semaphore('reports', 1).acquire({ ttlMs: 60_000 })
    let losses = 2
    wire.after = ({ call }) => {
      if (call === 'renew' && losses-- > 0) cut()
    }
    await lease.renew()
    expect(wire.calls('renew')).toHaveLength(3)
    const before = lease.expiresInMs
    await lease.renew(1_000)
    expect(lease.expiresInMs).toBeGreaterThan(before - 5_000)
    expect(seen('lease-lost')).toEqual([])
  })
})

describe('a release (T13)', () => {
  it('twice is one release, and the same promise', async () => {
    const service = await startService()
    const wire = new Wire()
    const { client } = connect(service, { fetch: wire.fetch })
    const semaphore = client.boundedSemaphore('reports', 2)
    const lease = await semaphore.acquire()
    await semaphore.acquire()
    const first = lease.release()
    expect(lease.release()).toBe(first)
    await first
    expect(lease.release()).toBe(first)
    expect(wire.calls('release')).toHaveLength(1)
    expect(await service.state('reports')).toMatchObject({ used: 1 })
  })

  it('of what somebody else released is LeaseLostError, and changes no count', async () => {
    const service = await startService()
    const { client } = connect(service)
    const lease = await client.boundedSemaphore('reports', 2).acquire()
    const other = await client.boundedSemaphore('reports', 2).acquire()
    await service.engine.release({ semaphore: 'reports', leaseId: lease.id, retire: false })
    await expect(lease.release()).rejects.toBeInstanceOf(LeaseLostError)
    expect(await service.state('reports')).toMatchObject({ used: 1 })
    await other.release()
  })

  it('of an operator’s taking back is told by the next renewal', async () => {
    const service = await startService()
    const { client, seen } = connect(service)
    const lease = await client.boundedSemaphore('reports', 2).acquire()
    await service.engine.revoke({ semaphore: 'reports', fence: lease.fence })
    await expect(lease.renew()).rejects.toBeInstanceOf(LeaseLostError)
    expect(lease.signal.reason).toBeInstanceOf(LeaseLostError)
    expect(lease.expiresInMs).toBe(0)
    expect(seen('lease-lost')).toHaveLength(1)
    await expect(lease.renew()).rejects.toBe(lease.signal.reason)
    await expect(lease.release()).rejects.toBe(lease.signal.reason)
  })
})

describe('an attempt', () => {
  it('is closed before the next one starts', async () => {
    const service = await startService()
    const wire = new Wire()
    const { client } = connect(service, { fetch: wire.fetch, timeoutMs: 50 })
    const hang = gate()
    let hanging = 2
    const closed: boolean[] = []
    wire.before = async (sent) => {
      closed.push(...wire.sent.filter((earlier) => earlier !== sent).map(({ signal }) => signal.aborted))
      // Ignores its signal, as a broken `fetch` may.
      if (sent.call === 'add-permits' && hanging-- > 0) await hang.opened
    }
    const growing = client.semaphore('reports', 0)
    await growing.tryAcquire()
    closed.length = 0
    wire.sent.length = 0
    await growing.release()
    expect(closed).toEqual([true, true, true])
    hang.open()
    await vi.waitFor(() => expect(wire.sent.every(({ settled }) => settled)).toBe(true))
    expect(await service.state('reports')).toMatchObject({ limit: 1 })
  })

  it('that failed before its time is retried at once, whatever waitMs says', async () => {
    const service = await startService()
    const wire = new Wire()
    const { client, seen } = connect(service, { fetch: wire.fetch, retryForMs: 0 })
    let failures = 1
    wire.before = ({ call }) => {
      if (call === 'acquire' && failures-- > 0) cut()
    }
    expect(await client.semaphore('reports', 1).tryAcquire()).not.toBeNull()
    expect(seen('retry').map(({ delayMs, attempts }) => ({ delayMs, attempts }))).toEqual([{ delayMs: 0, attempts: 1 }])
  })

  it('of a caller who did not wait is not retried beyond that', async () => {
    const service = await startService()
    const wire = new Wire()
    const { client } = connect(service, { fetch: wire.fetch })
    wire.before = ({ call }) => (call === 'acquire' ? cut() : undefined)
    const error: unknown = await client
      .semaphore('reports', 1)
      .tryAcquire()
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(UnavailableError)
    expect(error).toMatchObject({ code: 'UNREACHABLE', retryable: true })
    expect((error as Error).cause).toBeInstanceOf(SignalboxError)
    expect(wire.calls('acquire')).toHaveLength(2)
  })
})

async function read(response: {
  readonly body: { getReader(): { read(): Promise<{ value?: Uint8Array | undefined }> } } | null
}): Promise<string> {
  const { value } = (await response.body?.getReader().read()) ?? {}
  return new TextDecoder().decode(value)
}
