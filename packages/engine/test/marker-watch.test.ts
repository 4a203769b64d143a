import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { GuardEvent } from '../src/guard-event.js'
import { KnownLeases } from '../src/redis/known-leases.js'
import { type Marked, type MarkCall, MarkerWatch } from '../src/redis/marker-watch.js'
import { StoreRecoveringError, StoreUnavailableError } from '../src/store.js'

type Look = { readonly id: string | null; readonly guardedUntil: string | null }

const lease = { permits: 1, fence: 7, ttlMs: 9_000, grantedAtMs: 0, deadlineMs: 9_000, expiresInMs: 9_000 }

describe('the watch over a marker', () => {
  let look: () => Promise<Look>
  let marked: Marked
  let marks: MarkCall[]
  let looks: number
  let told: GuardEvent[]
  let known: KnownLeases
  let watch: MarkerWatch
  /** Whether a grant may be asked for, once what has to be waited for is over. */
  const opened = async (): Promise<string> =>
    Promise.resolve(watch.opened()).then(
      () => 'open',
      (error: unknown) => (error instanceof StoreUnavailableError ? error.code : String(error)),
    )

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
    look = async () => ({ id: 'a', guardedUntil: null })
    marked = { id: 'a', guardMs: 0, lost: false }
    marks = []
    looks = 0
    told = []
    known = new KnownLeases()
    watch = new MarkerWatch({
      known,
      look: () => {
        looks += 1
        return look()
      },
      mark: async (call) => {
        marks.push(call)
        return marked
      },
      tell: (event) => told.push(event),
    })
  })
  afterEach(() => {
    watch.disconnected()
    vi.useRealTimers()
  })

  /** With what this replica has seen. */
  async function connect(): Promise<void> {
    watch.connected()
    await vi.advanceTimersByTimeAsync(0)
    expect(watch.opened()).toBeNull()
  }

  it('looks on connecting and every second, and marks only what it has not seen', async () => {
    await connect()
    expect(marks).toMatchObject([{ seenId: '', heldForMs: 0, lastFence: 0 }])
    await vi.advanceTimersByTimeAsync(3_000)
    expect(looks).toBe(4)
    expect(marks).toHaveLength(1)
    expect(told).toEqual([])
  })

  it('tells how long what it knows of may be held, and the highest fence', async () => {
    await connect()
    known.note(lease)
    known.note({ ...lease, fence: 9, expiresInMs: 10 })
    await vi.advanceTimersByTimeAsync(500)
    look = async () => ({ id: null, guardedUntil: null })
    marked = { id: 'b', guardMs: 8_000, lost: true }
    await vi.advanceTimersByTimeAsync(500)
    expect(marks.at(-1)).toMatchObject({ seenId: 'a', heldForMs: 8_000, lastFence: 9 })
    expect(told).toEqual([{ kind: 'lost', found: 'no marker', guardMs: 8_000 }])
    expect(await opened()).toBe('STORE_RECOVERING')
    expect(() => watch.refuseIfGuarded()).toThrow(StoreRecoveringError)
  })

  it('goes by what Redis says at the end of a guard: another replica may have made it longer', async () => {
    await connect()
    look = async () => ({ id: 'a', guardedUntil: '1' })
    marked = { id: 'a', guardMs: 3_000, lost: false }
    await vi.advanceTimersByTimeAsync(1_000)
    expect(told).toEqual([{ kind: 'guarded', guardMs: 3_000 }])
    for (const guardMs of [2_000, 1_000]) {
      marked = { id: 'a', guardMs, lost: false }
      await vi.advanceTimersByTimeAsync(1_000)
    }
    look = () => Promise.reject(new StoreUnavailableError('down'))
    await vi.advanceTimersByTimeAsync(1_001)
    look = async () => ({ id: 'a', guardedUntil: '2' })
    marked = { id: 'a', guardMs: 5_000, lost: false }
    expect(await opened()).toBe('STORE_RECOVERING')
    expect(watch.guardMs).toBe(5_000)
  })

  it('a guard that is gone is over, whoever removed it', async () => {
    await connect()
    look = async () => ({ id: 'a', guardedUntil: '1' })
    marked = { id: 'a', guardMs: 60_000, lost: false }
    await vi.advanceTimersByTimeAsync(1_000)
    look = async () => ({ id: 'a', guardedUntil: null })
    await vi.advanceTimersByTimeAsync(1_000)
    expect(told.map(({ kind }) => kind)).toEqual(['guarded', 'over'])
    expect(watch.opened()).toBeNull()
  })

  it('looks again before a grant when its last look is too old to say anything', async () => {
    await connect()
    const back: (() => void)[] = []
    look = () => new Promise((resolve) => back.push(() => resolve({ id: 'a', guardedUntil: null })))
    await vi.advanceTimersByTimeAsync(1_999)
    expect(watch.opened()).toBeNull()
    await vi.advanceTimersByTimeAsync(1)
    expect(watch.opened()).not.toBeNull()
    const opening = opened()
    for (const answer of back) answer()
    expect(await opening).toBe('open')
  })

  it('a look over a connection that was lost says nothing about the next, which is asked in its place, once', async () => {
    await connect()
    const back: (() => void)[] = []
    look = () => new Promise((resolve) => back.push(() => resolve({ id: 'a', guardedUntil: null })))
    const answerAfterLoss = async (): Promise<void> => {
      watch.disconnected()
      back.shift()?.()
      await vi.advanceTimersByTimeAsync(0)
    }
    watch.disconnected()
    const moved = opened()
    await answerAfterLoss()
    back.shift()?.()
    expect(await moved).toBe('open')
    watch.disconnected()
    const movedTwice = opened()
    await answerAfterLoss()
    await answerAfterLoss()
    expect(await movedTwice).toBe('STORE_UNAVAILABLE')
    expect(back).toEqual([])
    expect(watch.opened()).not.toBeNull()
    back.shift()?.()
  })

  it('the marker of the server that leads now may be another one', async () => {
    await connect()
    let answer: (value: Look) => void = () => undefined
    look = () => new Promise((resolve) => (answer = resolve))
    watch.disconnected()
    const opening = opened()
    watch.disconnected()
    answer({ id: 'a', guardedUntil: null })
    await vi.advanceTimersByTimeAsync(0)
    marked = { id: 'b', guardMs: 8_000, lost: true }
    answer({ id: 'b', guardedUntil: null })
    expect(await opening).toBe('STORE_RECOVERING')
  })

  it('is as old as its question, not as its answer', async () => {
    await connect()
    look = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1_800))
      return { id: 'a', guardedUntil: null }
    }
    // The look of the second second is back at 2.8 s, and says what was at 1 s.
    await vi.advanceTimersByTimeAsync(2_900)
    expect(watch.opened()).toBeNull()
    await vi.advanceTimersByTimeAsync(150)
    expect(watch.opened()).not.toBeNull()
  })

  it('looks again when asked, after one that is under way', async () => {
    await connect()
    const back: (() => void)[] = []
    look = () => new Promise((resolve) => back.push(() => resolve({ id: 'a', guardedUntil: null })))
    await vi.advanceTimersByTimeAsync(1_000)
    const again = watch.lookAgain().then(() => 'there')
    marked = { id: 'b', guardMs: 2_000, lost: true }
    look = async () => ({ id: null, guardedUntil: null })
    for (const answer of back) answer()
    await expect(again).rejects.toBeInstanceOf(StoreRecoveringError)
    expect(looks).toBe(3)
  })

  it('says that it cannot look when it cannot', async () => {
    look = () => Promise.reject(new StoreUnavailableError('down'))
    expect(await opened()).toBe('STORE_UNAVAILABLE')
  })

  it('tells each of those who waited for one look, with an error of its own', async () => {
    look = () => Promise.reject(new StoreUnavailableError('down'))
    const errors = (await Promise.allSettled([watch.opened(), watch.opened()])).map(
      (outcome): unknown => outcome.status === 'rejected' && outcome.reason,
    )
    expect(looks).toBe(1)
    for (const error of errors) expect(error).toEqual(new StoreUnavailableError('down'))
    expect(errors[0]).not.toBe(errors[1])
  })
})
