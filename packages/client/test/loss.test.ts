import { startTcpProxy } from '@signalbox/test-redis'
import { once } from 'node:events'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { InvalidRequestError, LeaseLostError, type Lease } from '../src/index.js'
import { connect, startService, type Service } from './service.js'
import { cut, gate, Wire } from './wire.js'

const lostOf = (lease: Lease): Promise<unknown> =>
  lease.signal.aborted ? Promise.resolve() : once(lease.signal, 'abort')

async function startProxied() {
  const service = await startService()
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: service.port })
  onTestFinished(() => proxy.close())
  return { service, proxy, ...connect({ url: `http://127.0.0.1:${proxy.port}` }) }
}

function block(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs)
}

async function used(service: Service): Promise<number | undefined> {
  return (await service.state('reports'))?.used
}

describe('a lease', () => {
  it('renews itself for as long as it is held, and no longer', async () => {
    const service = await startService()
    const wire = new Wire()
    const { client, seen } = connect(service, { fetch: wire.fetch })
    const lease = await client.semaphore('reports', 1).acquire({ ttlMs: 900 })
    await vi.waitFor(() => expect(wire.calls('renew').filter(({ settled }) => settled).length).toBeGreaterThan(5), {
      timeout: 10_000,
    })
    expect(lease.signal.aborted).toBe(false)
    expect(await used(service)).toBe(1)
    await lease.release()
    const renewals = wire.calls('renew').length
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(wire.calls('renew')).toHaveLength(renewals)
    expect([...seen('lease-lost'), ...seen('renew-failed')]).toEqual([])
  })

  it.each([0, -5, 1.5, NaN, '60000' as unknown as number])(
    'is not renewed for a ttl of %j, and not lost by it either',
    async (ttlMs) => {
      const wire = new Wire()
      const { client } = connect(await startService(), { fetch: wire.fetch })
      const lease = await client.semaphore('reports', 1).acquire()
      await expect(lease.renew(ttlMs)).rejects.toBeInstanceOf(InvalidRequestError)
      expect(wire.calls('renew')).toEqual([])
      expect(lease.signal.aborted).toBe(false)
    },
  )

  it('is lost no later than the service forgets it when the network is cut (T9)', async () => {
    const { service, proxy, client, seen } = await startProxied()
    // The later a request arrives, the later the service's deadline: so there is time to look before it passes.
    proxy.delayMs = 300
    const lease = await client.semaphore('reports', 1).acquire({ ttlMs: 2_000 })
    proxy.hold()
    await lostOf(lease)
    expect(await used(service)).toBe(1)
    expect(lease.expiresInMs).toBe(0)
    expect(lease.signal.reason).toBeInstanceOf(LeaseLostError)
    expect(seen('lease-lost')).toHaveLength(1)
    expect(seen('renew-failed').length).toBeGreaterThan(0)
    expect(seen('renew-failed').every(({ expiresInMs }) => expiresInMs > 0)).toBe(true)
    await expect(lease.release()).rejects.toBe(lease.signal.reason)
    proxy.heal()
  })

  it('lives through a cut that is shorter than its ttl', async () => {
    const { service, proxy, client, seen } = await startProxied()
    const lease = await client.semaphore('reports', 1).acquire({ ttlMs: 3_000 })
    await proxy.refuse()
    await vi.waitFor(() => expect(seen('renew-failed').length).toBeGreaterThan(1), { timeout: 5_000 })
    await proxy.accept()
    const before = lease.expiresInMs
    await vi.waitFor(() => expect(lease.expiresInMs).toBeGreaterThan(before), { timeout: 5_000 })
    expect(lease.signal.aborted).toBe(false)
    await lease.release()
    expect(await used(service)).toBe(0)
    expect(seen('lease-lost')).toEqual([])
  })

  it('held past its ttl without renewing is reported lost; the count stays right; its late release credits nothing (T12)', async () => {
    const service = await startService()
    const wire = new Wire()
    const { client } = connect(service, { fetch: wire.fetch })
    const other = connect(service)
    wire.before = ({ call }) => (call === 'renew' ? cut() : undefined)
    const lease = await client.semaphore('reports', 1).acquire({ ttlMs: 300 })
    const next = other.client.semaphore('reports', 1).acquire()
    await lostOf(lease)
    const held = await next
    expect(held.fence).toBeGreaterThan(lease.fence)
    await expect(lease.release()).rejects.toBeInstanceOf(LeaseLostError)
    await vi.waitFor(() => expect(wire.calls('release')[0]?.settled).toBe(true))
    expect(await service.state('reports')).toMatchObject({ used: 1, limit: 1, waiting: 0 })
    await held.release()
  })

  it('of a blocked event loop is lost as soon as it runs again, and the error says why (T15)', async () => {
    const service = await startService()
    const { client, seen } = connect(service)
    const lease = await client.semaphore('reports', 1).acquire({ ttlMs: 400 })
    const heard: string[] = []
    lease.signal.addEventListener('abort', () => heard.push('abort'))
    block(900)
    setTimeout(() => heard.push('the program'), 0)
    await vi.waitFor(() => expect(heard).toContain('the program'))
    expect(heard).toEqual(['abort', 'the program'])
    expect(lease.signal.reason).toMatchObject({
      message: expect.stringMatching(/event loop was blocked, or the process stopped, for \d+ ms/) as string,
    })
    expect(seen('lease-lost')).toHaveLength(1)
  })

  it('shows its loss to who looks at it before any timer could run', async () => {
    const { client } = connect(await startService())
    const lease = await client.semaphore('reports', 1).acquire({ ttlMs: 400 })
    block(900)
    expect(lease.expiresInMs).toBe(0)
    expect(lease.signal.aborted).toBe(true)
  })

  it('that ran out while run’s work blocked is not reported as work well done', async () => {
    const { client } = connect(await startService())
    const running = client.semaphore('reports', 1).run({ ttlMs: 400 }, () => block(900))
    await expect(running).rejects.toBeInstanceOf(LeaseLostError)
  })

  it('that ran out on its way is not handed out: it is acquired again', async () => {
    const service = await startService()
    const wire = new Wire()
    const { client } = connect(service, { fetch: wire.fetch })
    let late = 1
    wire.after = ({ call }) => {
      if (call === 'acquire' && late-- > 0) block(900)
    }
    const lease = await client.semaphore('reports', 1).acquire({ ttlMs: 400 })
    expect(lease.expiresInMs).toBeGreaterThan(0)
    expect(wire.calls('acquire')).toHaveLength(2)
    await lease.release()
    expect(await used(service)).toBe(0)
  })

  it('is not lost because a renewal was under way when the release landed (T19)', async () => {
    const service = await startService()
    const wire = new Wire()
    const { client, events } = connect(service, { fetch: wire.fetch })
    for (const held of ['before', 'after'] as const) {
      const slow = gate()
      let renewing = false
      wire[held] = async ({ call }) => {
        if (call !== 'renew') return
        renewing = true
        await slow.opened
      }
      const lease = await client.semaphore('reports', 1).acquire({ ttlMs: 900 })
      const explicit = lease.renew(60_000)
      await vi.waitFor(() => expect(renewing).toBe(true))
      await lease.release()
      slow.open()
      await explicit
      await vi.waitFor(() => expect(wire.calls('renew').every(({ settled }) => settled)).toBe(true))
      expect(lease.signal.aborted).toBe(false)
      await expect(lease.renew()).rejects.toBeInstanceOf(LeaseLostError)
      wire[held] = () => undefined
    }
    expect(events.filter(({ kind }) => kind !== 'retry')).toEqual([])
    expect(await used(service)).toBe(0)
  })

  it.each([
    ['answered', () => undefined],
    ['cut', cut],
  ])(
    'whose own renewal was under way when the release landed, and then %s, is not lost either (T19)',
    async (_how, end) => {
      const service = await startService()
      const wire = new Wire()
      const { client, events } = connect(service, { fetch: wire.fetch })
      const slow = gate()
      wire.before = async ({ call }) => {
        if (call !== 'renew') return
        await slow.opened
        end()
      }
      const lease = await client.semaphore('reports', 1).acquire({ ttlMs: 3_000 })
      await vi.waitFor(() => expect(wire.calls('renew')).toHaveLength(1), { timeout: 5_000 })
      await lease.release()
      slow.open()
      await vi.waitFor(() => expect(wire.calls('renew')[0]?.settled).toBe(true))
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(wire.calls('renew')).toHaveLength(1)
      expect(lease.signal.aborted).toBe(false)
      expect(events).toEqual([])
    },
  )

  it('ends at maxHoldMs, renewed until then and not beyond', async () => {
    const service = await startService()
    const wire = new Wire()
    const { client, seen } = connect(service, { fetch: wire.fetch })
    const lease = await client.semaphore('reports', 1).acquire({ ttlMs: 1_800, maxHoldMs: 4_500 })
    await lostOf(lease)
    expect(wire.calls('renew').length).toBeGreaterThan(1)
    expect(Number(wire.calls('renew').at(-1)?.body['ttlMs'])).toBeLessThan(1_800)
    expect(lease.signal.reason).toMatchObject({ message: 'The lease has ended: it was held for maxHoldMs' })
    expect(seen('lease-lost')).toHaveLength(1)
    await vi.waitFor(async () => expect(await used(service)).toBe(0))
    const renewals = wire.calls('renew').length
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(wire.calls('renew')).toHaveLength(renewals)
  })

  it('with a ttl beyond maxHoldMs asks for no more than that', async () => {
    const wire = new Wire()
    const { client } = connect(await startService(), { fetch: wire.fetch })
    await client.semaphore('reports', 1).acquire({ ttlMs: 60_000, maxHoldMs: 5_000 })
    expect(wire.calls('acquire')[0]?.body).toMatchObject({ ttlMs: 5_000 })
  })

  it('detached is not renewed and not lost; adopted elsewhere it lives on; gone it cannot be adopted', async () => {
    const service = await startService()
    const wire = new Wire()
    const { client, events } = connect(service, { fetch: wire.fetch })
    const elsewhere = connect(service)
    const semaphore = client.boundedSemaphore('reports', 1)
    const lease = await semaphore.acquire({ ttlMs: 1_500 })
    lease.detach()
    const adopted = await elsewhere.client.boundedSemaphore('reports').adopt(lease.id, { ttlMs: 5_000 })
    expect(adopted).toMatchObject({ id: lease.id, fence: lease.fence, permits: 1, holder: undefined })
    expect(adopted.expiresInMs).toBeGreaterThan(1_500)
    await new Promise((resolve) => setTimeout(resolve, 1_800))
    expect(wire.calls('renew')).toEqual([])
    expect(lease.signal.aborted).toBe(false)
    expect(events).toEqual([])
    await adopted.release()
    await expect(elsewhere.client.boundedSemaphore('reports').adopt(lease.id)).rejects.toBeInstanceOf(LeaseLostError)
    await expect(lease.release()).rejects.toBeInstanceOf(LeaseLostError)
  })

  it('takes any number of listeners on its signal without a warning', async () => {
    const warnings: string[] = []
    const hear = (warning: Error): number => warnings.push(warning.name)
    process.on('warning', hear)
    onTestFinished(() => void process.off('warning', hear))
    const { client } = connect(await startService())
    const lease = await client.semaphore('reports', 1).acquire()
    let heard = 0
    for (let listener = 0; listener < 100; listener++) lease.signal.addEventListener('abort', () => heard++)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(warnings).toEqual([])
    await client.close()
    expect(heard).toBe(100)
  })
})
