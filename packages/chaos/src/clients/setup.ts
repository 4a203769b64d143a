import { z } from 'zod'

/** A semaphore of one round. */
export const groundSchema = z.object({
  name: z.string(),
  limit: z.int(),
  bounded: z.boolean(),
  /** Limit 1, and its holders write to the register. */
  fenced: z.boolean(),
  /** Its limit changes while it is used. */
  resized: z.boolean(),
})
export type Ground = z.infer<typeof groundSchema>

/** What a client process is given as its one argument, as JSON. */
export const clientSetup = z.object({
  name: z.string(),
  seed: z.int(),
  stream: z.int(),
  /** Where the service is, through a proxy that the run breaks. */
  url: z.string(),
  registerUrl: z.string(),
  historyDirectory: z.string(),
  /** How many calls it makes at once. */
  callers: z.int(),
  /** Whether it resizes and revokes as well. */
  operates: z.boolean(),
  grounds: z.array(groundSchema),
})
export type ClientSetup = z.infer<typeof clientSetup>

/** What the run tells a client process. */
export const command = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('block'), forMs: z.number() }),
  z.object({ kind: z.literal('adopt'), semaphore: z.string(), leaseId: z.string(), ttlMs: z.number() }),
  /** Begin nothing new, and end when everything has ended. */
  z.object({ kind: z.literal('finish') }),
])
export type Command = z.infer<typeof command>

/** What a client process tells the run. */
export const news = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('calls'), calls: z.number() }),
  /** A lease that somebody else is to adopt. */
  z.object({ kind: z.literal('handed-over'), semaphore: z.string(), leaseId: z.string(), ttlMs: z.number() }),
])
export type News = z.infer<typeof news>
