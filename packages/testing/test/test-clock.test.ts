import { describe, expect, it } from 'vitest'
import { TestClock } from '../src/test-clock.js'

const noRest = async (): Promise<void> => undefined

describe('the clock of a test', () => {
  it('runs timers in the order of their times, then of their making, each at its own time', async () => {
    const clock = new TestClock(noRest)
    const ran: [string, number][] = []
    const note = (name: string) => () => ran.push([name, clock.now()])
    clock.setTimeout(note('late'), 20)
    clock.setTimeout(note('first of two'), 10)
    clock.setTimeout(note('second of two'), 10)
    clock.setTimeout(note('too late'), 31)
    clock.setTimeout(note('cancelled'), 5)()
    clock.setTimeout(() => clock.setTimeout(note('made meanwhile'), 10), 15)
    await clock.advance(30)
    expect(ran).toEqual([
      ['first of two', 10],
      ['second of two', 10],
      ['late', 20],
      ['made meanwhile', 25],
    ])
    expect(clock.now()).toBe(30)
  })

  it('lets what a timer has set going come to rest before the next one runs', async () => {
    let busy = 0
    const clock = new TestClock(async () => {
      for (; busy > 0; busy -= 1) await Promise.resolve()
    })
    const seen: number[] = []
    for (const atMs of [1, 2])
      clock.setTimeout(() => {
        seen.push(busy)
        busy = 5
      }, atMs)
    await clock.advance(2)
    expect(seen).toEqual([0, 0])
  })

  it('moves for one caller after the other', async () => {
    const clock = new TestClock(noRest)
    await Promise.all([clock.advance(10), clock.advance(5)])
    expect(clock.now()).toBe(15)
  })

  it('goes on moving after a timer threw, and tells whoever moved it', async () => {
    const clock = new TestClock(noRest)
    clock.setTimeout(() => {
      throw new Error('from a timer')
    }, 1)
    await expect(clock.advance(10)).rejects.toThrow('from a timer')
    await clock.advance(10)
    expect(clock.now()).toBe(11)
  })

  it('does not move backwards, nor for ever, nor by a text', async () => {
    const clock = new TestClock(noRest)
    for (const ms of [-1, Number.NaN, Infinity, '5' as unknown as number])
      await expect(clock.advance(ms)).rejects.toThrow(RangeError)
    expect(clock.now()).toBe(0)
  })
})
