import { z } from 'zod'

/**
 * A semaphore's name: 1 to 128 characters, the first a letter or digit, so that `.` and `..`, which every URL parser
 * treats as path segments, cannot be names. No braces: the Redis store uses them for hash tags.
 */
export const semaphoreName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/)
  .describe('Name of a semaphore: a letter or digit, then up to 127 of letters, digits and . _ : -')

/** A prefix of names, as listings and keys use it; may be empty. */
export const namePrefix = z
  .string()
  .regex(/^(?:[A-Za-z0-9][A-Za-z0-9._:-]{0,127})?$/)
  .describe('The beginning of names; empty means all')

/** What an API key may do. None implies another: a key that may configure is not thereby one that may hold permits. */
export const scopes = ['acquire', 'inspect', 'admin'] as const
export type Scope = (typeof scopes)[number]

const uuidPattern = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/

/** Chosen by the caller; the key of idempotence and the capability to renew or release. Any case in, lower case out. */
export const leaseId = z
  .string()
  .regex(uuidPattern)
  .describe('A UUID that the caller chose; whoever has it may renew and release the lease')

/** Names one growing release, so that its repeat changes nothing. */
export const requestId = z.string().regex(uuidPattern).describe('A UUID; repeated within 10 minutes it changes nothing')

/** Who holds, for people to read. No control characters: labels end up in logs and terminals. */
export function holderOf(lengthMax: number) {
  return (
    z
      .string()
      .max(lengthMax)
      // eslint-disable-next-line no-control-regex -- control characters are what this refuses
      .regex(/^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/)
      .describe('Who holds (host, pid, job), for people to read: no line breaks or other control characters')
  )
}
