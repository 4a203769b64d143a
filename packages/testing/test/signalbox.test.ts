import {
  AcquireTimeoutError,
  LeaseLostError,
  PermitsExceedLimitError,
  UnavailableError,
  type SignalboxEvent,
} from '@signalbox/client'
import { startSignalbox } from '@signalbox/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

/** What became of a promise so far. */
function watch<Value>(promise: Promise<Value>): { state: 'pending' | 'resolved' | 'rejected'; value?: unknown } {
  const seen: ReturnType<typeof watch> = { state: 'pending' }
  promise.then(
    (value) => Object.assign(seen, { state: 'resolved', value }),
    (error: unknown) => Object.assign(seen, { state: 'rejected', value: error }),
  )
  return seen
}

describe('the service in the test', () => {
  it('opens no port, and is the real one: busy, down and wrong are told apart', async () => {
    await using t = await startSignalbox()
    expect(process.getActiveResourcesInfo()).not.toContain('TCPServerWrap')
    const reports = t.client.boundedSemaphore('reports', 1)
    const held = await reports.acquire()
    expect(await reports.tryAcquire()).toBeNull()
    await held.release()
    expect(await reports.tryAcquire()).not.toBeNull()
    await expect(reports.acquire({ permits: 2 })).rejects.toThrow(PermitsExceedLimitError)
    const problem = await t.fetch(`${t.url}/v1/semaphores/reports`, { method: 'PATCH' })
    expect([problem.status, await problem.json()]).toEqual([
      405,
      expect.objectContaining({ code: 'METHOD_NOT_ALLOWED' }),
    ])
  })

  it('hands a permit on to one of many who asked at once without a ms passing', async () => {
    await using t = await startSignalbox()
    const reports = t.client.boundedSemaphore('reports', 1)
    const held = await reports.acquire()
    const asked = [reports.acquire(), reports.acquire(), reports.acquire()]
    await t.advance(0)
    await held.release()
    for (const one of asked) await (await one).release()
    expect(await reports.inspect()).toMatchObject({ used: 0, waiting: 0 })
  })

  it('shares nothing with another one', async () => {
    await using one = await startSignalbox()
    await using other = await startSignalbox()
    await one.client.boundedSemaphore('reports', 1).acquire()
    await other.client.boundedSemaphore('reports', 1).acquire({ waitMs: 0 })
    await one.advance(60_000)
    expect((await other.client.boundedSemaphore('reports').inspect()).used).toBe(1)
  })

  it('grants in the order of arrival, to several processes', async () => {
    await using t = await startSignalbox()
    const order: string[] = []
    const holder = await t.client.semaphore('reports', 1).acquire()
    for (const name of ['first', 'second', 'third']) {
      const reports = t.connect({ holder: name }).semaphore('reports')
      void reports.run(async () => {
        order.push(name)
        await t.sleep(1_000)
      })
      await t.advance(0)
    }
    await holder.release()
    await t.advance(1_500)
    expect(order).toEqual(['first', 'second'])
    await t.advance(2_000)
    expect(order).toEqual(['first', 'second', 'third'])
  })

  it('is closed by leaving the block, whatever still waits, holds or is cut off', async () => {
    let waiting: ReturnType<typeof watch>
    let lost: AbortSignal
    {
      await using t = await startSignalbox()
      const held = await t.client.semaphore('reports', 1).acquire()
      lost = held.signal
      waiting = watch(t.client.semaphore('reports').acquire())
      await t.advance(0)
      t.disconnect()
    }
    expect(waiting).toMatchObject({ state: 'rejected', value: { code: 'CLIENT_CLOSED' } })
    expect(lost.aborted).toBe(true)
  })
})

describe('time', () => {
  it('stands still until it is moved, and then moves at once for store, service and client', async () => {
    await using t = await startSignalbox()
    const reports = t.client.boundedSemaphore('reports', 1)
    const lease = await reports.acquire({ maxHoldMs: 45_000 })
    await new Promise((resolve) => setTimeout(resolve, 20))
    // One less than the ttl: the store counts whole ms.
    expect(lease.expiresInMs).toBe(29_999)
    await t.advance(5_000)
    expect(lease.expiresInMs).toBe(24_999)
    const page = await t.fetch(`${t.url}/v1/semaphores/reports/leases`)
    expect(await page.json()).toMatchObject({ items: [{ heldMs: 5_000, expiresInMs: 25_000 }] })
  })

  it('renews a lease for as long as it is held, however long that is', async () => {
    await using t = await startSignalbox()
    const events: SignalboxEvent[] = []
    const lease = await t
      .connect({ onEvent: (event) => events.push(event) })
      .semaphore('reports')
      .acquire()
    await t.advance(6 * 3_600_000)
    expect(lease.signal.aborted).toBe(false)
    expect(events).toEqual([])
    const [{ heldMs } = { heldMs: 0 }] = await leasesOf(t, 'reports')
    expect(heldMs).toBe(6 * 3_600_000)
  })

  it('ends a wait to the millisecond, in slices and with heartbeats where it is long', async () => {
    await using t = await startSignalbox()
    const reports = t.client.boundedSemaphore('reports', 1)
    await reports.acquire()
    const wait = watch(reports.acquire({ waitMs: 300_000 }))
    await t.advance(299_999)
    expect(wait.state).toBe('pending')
    expect((await reports.inspect()).waiting).toBe(1)
    await t.advance(1)
    expect(wait).toMatchObject({ state: 'rejected', value: expect.any(AcquireTimeoutError) as unknown })
    expect((await reports.inspect()).waiting).toBe(0)
  })

  it('gives the permit of a holder that died to the next in line when its ttl is over', async () => {
    await using t = await startSignalbox()
    const dead = await t.client.semaphore('reports', 1).acquire({ ttlMs: 10_000 })
    dead.detach()
    const wait = watch(t.connect().semaphore('reports').acquire())
    await t.advance(9_999)
    expect(wait.state).toBe('pending')
    // The store counts whole ms, so its replicas look one later.
    await t.advance(2)
    expect(wait.state).toBe('resolved')
  })

  it('goes with a fake clock of the test runner, where the work has timers of its own', async () => {
    await using t = await startSignalbox()
    vi.useFakeTimers({ toFake: ['setTimeout', 'Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const work = watch(t.client.semaphore('reports').run(() => new Promise((resolve) => setTimeout(resolve, 45_000))))
    await t.advance(0)
    for (let seconds = 0; seconds < 45; seconds += 1) {
      await t.advance(1_000)
      await vi.advanceTimersByTimeAsync(1_000)
    }
    await t.advance(0)
    expect(work.state).toBe('resolved')
  })
})

describe('a client that is cut off', () => {
  it('loses its lease just before the service gives it to another', async () => {
    await using t = await startSignalbox()
    const events: SignalboxEvent[] = []
    const cutOff = t.connect({ onEvent: (event) => events.push(event) })
    const lease = await cutOff.semaphore('reports', 1).acquire()
    t.disconnect()
    await t.advance(29_998)
    expect(lease.signal.aborted).toBe(false)
    await t.advance(1)
    expect(lease.signal.reason).toBeInstanceOf(LeaseLostError)
    expect(events.at(-1)).toMatchObject({ kind: 'lease-lost', fence: lease.fence })
    t.reconnect()
    expect(await t.connect().semaphore('reports').tryAcquire()).toBeNull()
    await t.advance(1)
    expect(await t.connect().semaphore('reports').tryAcquire()).not.toBeNull()
  })

  it('keeps it when the cut is shorter than what is left', async () => {
    await using t = await startSignalbox()
    const lease = await t.client.semaphore('reports', 1).acquire()
    t.disconnect()
    await t.advance(25_000)
    t.reconnect()
    await t.advance(60_000)
    expect(lease.signal.aborted).toBe(false)
  })

  it('is told that the service is down when its patience is over, not that it is busy', async () => {
    await using t = await startSignalbox()
    t.disconnect()
    const call = watch(t.connect({ retryForMs: 10_000 }).semaphore('reports').acquire())
    await t.advance(9_999)
    expect(call.state).toBe('pending')
    await t.advance(1)
    expect(call).toMatchObject({ state: 'rejected', value: expect.any(UnavailableError) as unknown })
  })

  it('has left the queue: closed connections do', async () => {
    await using t = await startSignalbox()
    const reports = t.client.semaphore('reports', 1)
    await reports.acquire()
    const wait = watch(reports.acquire())
    await t.advance(0)
    expect((await reports.inspect()).waiting).toBe(1)
    t.disconnect()
    await t.advance(0)
    t.reconnect()
    expect((await reports.inspect()).waiting).toBe(0)
    await t.advance(5_000)
    expect(wait.state).toBe('pending')
    expect((await reports.inspect()).waiting).toBe(1)
  })
})

it('a wait that is aborted leaves the queue at once', async () => {
  await using t = await startSignalbox()
  const reports = t.client.semaphore('reports', 1)
  await reports.acquire()
  const aborting = new AbortController()
  const wait = watch(reports.acquire({ signal: aborting.signal }))
  await t.advance(0)
  aborting.abort(new Error('enough'))
  await t.advance(0)
  expect(wait).toMatchObject({ state: 'rejected', value: aborting.signal.reason as unknown })
  expect((await reports.inspect()).waiting).toBe(0)
})

it('a request that is aborted before it arrives takes nothing', async () => {
  await using t = await startSignalbox()
  const aborting = new AbortController()
  const body = JSON.stringify({ create: { limit: 1 } })
  const headers = { 'content-type': 'application/json' }
  const request = { method: 'POST', body, headers, signal: aborting.signal }
  const sent = watch(t.fetch(`${t.url}/v1/semaphores/reports/acquire`, request))
  aborting.abort(new Error('enough'))
  await t.advance(0)
  expect(sent).toMatchObject({ state: 'rejected', value: aborting.signal.reason as unknown })
  expect(await leasesOf(t, 'reports')).toEqual([])
})

it('a lease that an operator takes back is lost at its next renewal', async () => {
  await using t = await startSignalbox()
  const lease = await t.client.semaphore('reports', 1).acquire()
  const { status } = await t.fetch(`${t.url}/v1/semaphores/reports/leases/${lease.fence}`, { method: 'DELETE' })
  expect(status).toBe(200)
  await t.advance(10_000)
  expect(lease.signal.reason).toMatchObject({ code: 'LEASE_NOT_HELD', status: 410 })
})

interface Listed {
  readonly heldMs: number
}

async function leasesOf(t: Awaited<ReturnType<typeof startSignalbox>>, name: string): Promise<readonly Listed[]> {
  const response = await t.fetch(`${t.url}/v1/semaphores/${name}/leases`)
  if (response.status === 404) return []
  return ((await response.json()) as { items: Listed[] }).items
}

it('the live stream, whose reply has no end, is refused and not waited for', async () => {
  await using t = await startSignalbox()
  await expect(t.fetch(`${t.url}/v1/events?prefix=a`)).rejects.toThrow('/v1/events is a live stream')
})
