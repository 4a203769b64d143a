import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Alarm } from '../src/waiting-room/alarm.js'
import { monotonicClock } from '../src/waiting-room/clock.js'

describe('an alarm on the clock of this machine', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('set further ahead than Node can count rings then, not at once', () => {
    const ring = vi.fn()
    const alarm = new Alarm(monotonicClock, ring)
    alarm.setFor(monotonicClock.now() + 2 ** 33)
    vi.advanceTimersByTime(2 ** 33 - 1)
    expect(ring).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(ring).toHaveBeenCalledOnce()
    expect(alarm.dueAtMs).toBe(Infinity)
  })

  it('moved or cleared, rings for the last time it was set for and never for another', () => {
    const ring = vi.fn()
    const alarm = new Alarm(monotonicClock, ring)
    alarm.setFor(monotonicClock.now() + 1_000)
    alarm.setFor(monotonicClock.now() + 10)
    vi.advanceTimersByTime(10)
    expect(ring).toHaveBeenCalledOnce()
    alarm.setFor(monotonicClock.now() + 10)
    alarm.clear()
    vi.advanceTimersByTime(10_000)
    expect(ring).toHaveBeenCalledOnce()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('keeps no process alive', () => {
    vi.useRealTimers()
    const alarm = new Alarm(monotonicClock, () => undefined)
    const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    alarm.setFor(monotonicClock.now() + 60_000)
    expect(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length).toBe(before)
    alarm.clear()
  })
})
