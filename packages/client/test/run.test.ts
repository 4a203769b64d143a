import { describe, expect, it, vi } from 'vitest'
import { LeaseLostError, PermitsUnavailableError, UnavailableError, type Lease } from '../src/index.js'
import { connect, startService } from './service.js'
import { cut, Wire } from './wire.js'

async function start() {
  const service = await startService()
  const wire = new Wire()
  return { service, wire, ...connect(service, { fetch: wire.fetch, retryForMs: 0 }) }
}

const lostOf = (lease: Lease): Promise<unknown> => vi.waitFor(() => expect(lease.signal.aborted).toBe(true))

describe('run', () => {
  it('resolves with what the work did, and has released then', async () => {
    const { client, service } = await start()
    const semaphore = client.semaphore('reports', 2)
    const result = await semaphore.run(async (lease) => {
      expect(await service.state('reports')).toMatchObject({ used: 1 })
      return lease.permits
    })
    expect(result).toBe(1)
    expect(await semaphore.run({ permits: 2 }, (lease) => lease.permits)).toBe(2)
    expect(await service.state('reports')).toMatchObject({ used: 0 })
  })

  it.each([[new Error('no')], ['text'], [undefined], [null]])(
    'rejects with what the work threw (%s), and has released then',
    async (thrown) => {
      const { client, service } = await start()
      const semaphore = client.semaphore('reports', 1)
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- programs throw anything
      const rejecting = semaphore.run(() => Promise.reject(thrown))
      await expect(rejecting.catch((error: unknown) => ({ error }))).resolves.toEqual({ error: thrown })
      const throwing = semaphore.run(() => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error
        throw thrown
      })
      await expect(throwing.catch((error: unknown) => ({ error }))).resolves.toEqual({ error: thrown })
      expect(await service.state('reports')).toMatchObject({ used: 0 })
    },
  )

  it('rejects as acquire does when nothing came of it, and calls nothing', async () => {
    const { client } = await start()
    const semaphore = client.semaphore('reports', 1)
    await semaphore.acquire()
    const work = vi.fn()
    await expect(semaphore.run({ waitMs: 0 }, work)).rejects.toBeInstanceOf(PermitsUnavailableError)
    expect(work).not.toHaveBeenCalled()
  })

  it('without a function is a TypeError, and sends nothing', async () => {
    const { client, wire } = await start()
    await expect(client.semaphore('reports').run({} as never)).rejects.toBeInstanceOf(TypeError)
    expect(wire.sent).toEqual([])
  })

  it('whose lease was lost is LeaseLostError, though the work ended well, and when it has ended', async () => {
    const { client, service } = await start()
    let ended = false
    const running = client.semaphore('reports', 1).run(async (lease) => {
      await service.engine.revoke({ semaphore: 'reports', fence: lease.fence })
      await lease.renew().catch(() => undefined)
      await lostOf(lease)
      ended = true
      return 'well'
    })
    const error: unknown = await running.catch((reason: unknown) => reason)
    expect(ended).toBe(true)
    expect(error).toBeInstanceOf(LeaseLostError)
    expect(error).toMatchObject({ code: 'LEASE_NOT_HELD', status: 410 })
    expect((error as Error).cause).toBeUndefined()
  })

  it('whose lease was lost has what the work threw as cause', async () => {
    const { client, service } = await start()
    const mine = new Error('mine')
    const error: unknown = await client
      .semaphore('reports', 1)
      .run(async (lease) => {
        await service.engine.revoke({ semaphore: 'reports', fence: lease.fence })
        await lease.renew().catch(() => undefined)
        throw mine
      })
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(LeaseLostError)
    expect(error).toMatchObject({ cause: mine })
  })

  it('whose work threw the loss itself rejects with just that', async () => {
    const { client, service } = await start()
    let reason: unknown
    const error: unknown = await client
      .semaphore('reports', 1)
      .run(async (lease) => {
        await service.engine.revoke({ semaphore: 'reports', fence: lease.fence })
        await lease.renew().catch(() => undefined)
        reason = lease.signal.reason
        lease.signal.throwIfAborted()
      })
      .catch((thrown: unknown) => thrown)
    expect(error).toBe(reason)
    expect(error).not.toMatchObject({ cause: error })
  })

  it('whose release fails keeps its outcome, and says so by an event', async () => {
    const { client, wire, seen } = await start()
    wire.before = ({ call }) => (call === 'release' ? cut() : undefined)
    const semaphore = client.semaphore('reports', 2)
    expect(await semaphore.run(() => 7)).toBe(7)
    const mine = new Error('mine')
    await expect(semaphore.run(() => Promise.reject(mine))).rejects.toBe(mine)
    expect(seen('release-failed').map(({ error }) => error)).toEqual([
      expect.any(UnavailableError),
      expect.any(UnavailableError),
    ])
    expect(seen('lease-lost')).toEqual([])
  })

  it('whose work released or detached the lease leaves it at that', async () => {
    const { client, service, wire, seen } = await start()
    const semaphore = client.semaphore('reports', 1)
    await semaphore.run((lease) => lease.release())
    expect(wire.calls('release')).toHaveLength(1)
    const id = await semaphore.run((lease) => {
      lease.detach()
      return lease.id
    })
    expect(await service.state('reports')).toMatchObject({ used: 1 })
    await (await semaphore.adopt(id)).release()
    expect(seen('release-failed')).toEqual([])
  })
})

describe('await using', () => {
  it('releases, and does not throw when that fails', async () => {
    const { client, service, wire, seen } = await start()
    const semaphore = client.boundedSemaphore('reports', 1)
    {
      await using lease = await semaphore.acquire()
      expect(lease.signal.aborted).toBe(false)
    }
    expect(await service.state('reports')).toMatchObject({ used: 0 })
    wire.before = ({ call }) => (call === 'release' ? cut() : undefined)
    {
      await using lease = await semaphore.acquire()
      expect(lease.permits).toBe(1)
    }
    expect(seen('release-failed')).toHaveLength(1)
  })

  it('of a lost lease does not throw, and takes it out of the account', async () => {
    const { client, service } = await start()
    const semaphore = client.boundedSemaphore('reports', 1)
    {
      await using lease = await semaphore.acquire()
      await service.engine.revoke({ semaphore: 'reports', fence: lease.fence })
      await lease.renew().catch(() => undefined)
    }
    await expect(semaphore.release()).rejects.toThrow('BoundedSemaphore released too many times')
  })

  it('of a detached lease keeps the permit', async () => {
    const { client, service } = await start()
    {
      await using lease = await client.boundedSemaphore('reports', 1).acquire()
      lease.detach()
    }
    expect(await service.state('reports')).toMatchObject({ used: 1 })
  })
})
