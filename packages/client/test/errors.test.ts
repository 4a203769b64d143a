import { describe, expect, it, vi } from 'vitest'
import * as errors from '../src/errors.js'

const { SignalboxError, ValueError, LeaseLostError } = errors
const details = { code: 'LEASE_NOT_HELD', status: 410, requestId: 'r1' } as const

async function secondCopy(): Promise<typeof errors> {
  vi.resetModules()
  return import('../src/errors.js')
}

describe('errors', () => {
  it('carry what they were made of', () => {
    const cause = new Error('why')
    const error = new LeaseLostError('gone', { ...details, cause })
    expect(error).toMatchObject({ name: 'LeaseLostError', message: 'gone', cause, retryable: false, ...details })
    expect(Object.keys(new SignalboxError('x', { code: 'INTERNAL' }))).not.toContain('cause')
  })

  it.each(Object.entries(errors))('%s is a SignalboxError, an Error and itself', (name, type) => {
    const error = new type('x', details)
    expect(error).toBeInstanceOf(SignalboxError)
    expect(error).toBeInstanceOf(Error)
    expect(error).toBeInstanceOf(type)
    expect(error.name).toBe(name)
    expect(String(error)).toBe(`${name}: x`)
  })

  it('are not each other', () => {
    expect(new LeaseLostError('x', details)).not.toBeInstanceOf(errors.UnavailableError)
    expect(new SignalboxError('x', details)).not.toBeInstanceOf(LeaseLostError)
    for (const stranger of [null, undefined, 'text', 7, {}, new Error('x'), new RangeError('x')]) {
      expect(stranger instanceof SignalboxError).toBe(false)
      expect(stranger instanceof ValueError).toBe(false)
    }
  })

  it('a ValueError is a RangeError too', () => {
    const error = new ValueError('x', { code: 'INVALID_VALUE' })
    expect(error).toBeInstanceOf(RangeError)
    expect(error).not.toBeInstanceOf(errors.InvalidRequestError)
  })

  it('agree across two copies of the package', async () => {
    const copy = await secondCopy()
    expect(copy.SignalboxError).not.toBe(SignalboxError)
    expect(new copy.LeaseLostError('x', details)).toBeInstanceOf(LeaseLostError)
    expect(new copy.LeaseLostError('x', details)).toBeInstanceOf(SignalboxError)
    expect(new copy.ValueError('x', details)).toBeInstanceOf(SignalboxError)
    expect(new LeaseLostError('x', details)).toBeInstanceOf(copy.LeaseLostError)
    expect(new copy.LeaseLostError('x', details)).not.toBeInstanceOf(ValueError)
  })

  it("a program's own subclass is told apart by its prototype, though it may bear our name", () => {
    const Theirs = class LeaseLostError extends errors.LeaseLostError {}
    expect(new Theirs('x', details)).toBeInstanceOf(Theirs)
    expect(new Theirs('x', details)).toBeInstanceOf(errors.LeaseLostError)
    expect(new errors.LeaseLostError('x', details)).not.toBeInstanceOf(Theirs)
  })

  it('narrow by instanceof', () => {
    const thrown: unknown = new ValueError('x', { code: 'INVALID_VALUE' })
    if (!(thrown instanceof SignalboxError)) throw new Error('unreachable')
    const code: errors.ErrorCode = thrown.code
    expect(code).toBe('INVALID_VALUE')
  })
})
