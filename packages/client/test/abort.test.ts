import { getEventListeners } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { onAbort, orAborted } from '../src/abort.js'

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

describe('onAbort', () => {
  it('hangs one listener on a signal, however many listen, and none when nobody does', () => {
    const { signal } = new AbortController()
    const stops = Array.from({ length: 100 }, () => onAbort([signal], () => undefined))
    expect(listenersOf(signal)).toBe(1)
    for (const stop of stops) stop()
    expect(listenersOf(signal)).toBe(0)
  })

  it('calls each listener once, with the reason of the first signal that aborts, and lets go of the others', () => {
    const [first, second] = [new AbortController(), new AbortController()]
    const heard = vi.fn()
    onAbort([first.signal, second.signal], heard)
    second.abort('second')
    first.abort('first')
    expect(heard.mock.calls).toEqual([['second']])
    expect(listenersOf(first.signal)).toBe(0)
  })

  it('calls at once when a signal has aborted already, and leaves nothing on the others', () => {
    const other = new AbortController()
    const heard = vi.fn()
    onAbort([other.signal, AbortSignal.abort('over')], heard)
    expect(heard.mock.calls).toEqual([['over']])
    expect(listenersOf(other.signal)).toBe(0)
  })

  it('does not call who stopped listening, not even while others are called', () => {
    const controller = new AbortController()
    const heard = vi.fn()
    onAbort([controller.signal], () => stop())
    const stop = onAbort([controller.signal], heard)
    controller.abort()
    expect(heard).not.toHaveBeenCalled()
  })

  it('can be asked anew after everybody had stopped', () => {
    const controller = new AbortController()
    onAbort([controller.signal], () => undefined)()
    const heard = vi.fn()
    onAbort([controller.signal], heard)
    controller.abort('now')
    expect(heard.mock.calls).toEqual([['now']])
  })
})

describe('orAborted', () => {
  it('settles as the promise does, and lets go of the signal', async () => {
    const { signal } = new AbortController()
    await expect(orAborted(Promise.resolve(7), signal)).resolves.toBe(7)
    await expect(orAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no')
    expect(listenersOf(signal)).toBe(0)
  })

  it('rejects with the reason, and survives what the promise does later', async () => {
    const controller = new AbortController()
    const late = deferred()
    const settled = orAborted(late.promise, controller.signal)
    controller.abort('enough')
    await expect(settled).rejects.toBe('enough')
    late.reject(new Error('late'))
  })
})

function deferred(): { promise: Promise<never>; reject: (error: Error) => void } {
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<never>((_resolve, no) => {
    reject = no
  })
  return { promise, reject }
}
