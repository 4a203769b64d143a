import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { machineClock } from '../src/clock.js'
import { Alarm, pause } from '../src/timer.js'

describe('an alarm', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('rings once, not before its time, however far that is', () => {
    const ring = vi.fn()
    const far = 60 * 24 * 3_600_000
    new Alarm(machineClock).set(performance.now() + far, ring)
    vi.advanceTimersByTime(far - 1)
    expect(ring).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    vi.advanceTimersByTime(far)
    expect(ring).toHaveBeenCalledTimes(1)
  })

  it('never rings for the time before it was set again, nor after it was cleared', () => {
    const [first, second] = [vi.fn(), vi.fn()]
    const alarm = new Alarm(machineClock)
    alarm.set(performance.now() + 10, first)
    alarm.set(performance.now() + 20, second)
    vi.advanceTimersByTime(15)
    alarm.clear()
    vi.advanceTimersByTime(100)
    expect(first).not.toHaveBeenCalled()
    expect(second).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('for a time that is over rings in the next turn', () => {
    const ring = vi.fn()
    new Alarm(machineClock).set(performance.now() - 5_000, ring)
    expect(ring).not.toHaveBeenCalled()
    vi.advanceTimersByTime(0)
    expect(ring).toHaveBeenCalledTimes(1)
  })

  it('a pause ends by a signal with its reason, and leaves no timer', async () => {
    const controller = new AbortController()
    const pausing = pause(machineClock, 1_000, [controller.signal], false)
    controller.abort('enough')
    await expect(pausing).rejects.toBe('enough')
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('timers', () => {
  it('of alarms and background pauses keep no process alive; a pause in a call does', () => {
    const made: NodeJS.Timeout[] = []
    const real = globalThis.setTimeout
    const spy = vi.spyOn(globalThis, 'setTimeout')
    spy.mockImplementation((...parameters: Parameters<typeof real>) => {
      const timer = real(...parameters)
      made.push(timer)
      return timer
    })
    new Alarm(machineClock).set(performance.now() + 50_000, () => undefined)
    const controller = new AbortController()
    for (const background of [true, false])
      pause(machineClock, 50_000, [controller.signal], background).catch(() => undefined)
    expect(made.map((timer) => timer.hasRef())).toEqual([false, false, true])
    controller.abort()
  })
})
