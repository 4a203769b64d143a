import { z } from 'zod'

/** How a variable is described: in the table of docs/operations.md, and in the sentence that refuses a bad value. */
export interface VariableMeta {
  readonly description: string
  /** What it may be, to follow "it may be". */
  readonly may: string
  /** Never repeated, not even when it is wrong. */
  readonly secret: boolean
  readonly defaultText: string
}

/** Metadata by schema; a registry of its own, so that no other use of zod in the process sees it. */
export const variableMeta = z.registry<VariableMeta>()

interface Words {
  readonly meaning: string
  readonly may: string
  readonly secret?: boolean
}

/** A text that `read` understands, or refuses: by undefined, or by an error that says in a sentence what is wrong with it. */
type Read<Value> = (text: string) => Value | Error | undefined

function parsed<Value>(words: Words, read: Read<Value>) {
  return z.string().transform((text, context): Value => {
    const value = read(text)
    const isError = value instanceof Error
    if (value !== undefined && !isError) return value
    const why = isError ? ` ${value.message}` : ''
    context.issues.push({ code: 'custom', input: text, message: `it may be ${words.may}.${why}` })
    return z.NEVER
  })
}

function described<Schema extends z.ZodType>(schema: Schema, words: Words, defaultText: string): Schema {
  const { meaning, may, secret = false } = words
  variableMeta.add(schema, { description: meaning, may, secret, defaultText })
  return schema
}

/** Set, or null. */
export function optional<Value>(words: Words, read: Read<Value>) {
  return described(parsed(words, read).nullable().prefault(null), words, '–')
}

export function text(fallback: string, words: Words & { readonly like: RegExp }) {
  const read = (given: string) => (words.like.test(given) ? given : undefined)
  return described(parsed(words, read).prefault(fallback), words, fallback)
}

export function wholeNumber(range: { min: number; max: number; fallback: number }, meaning: string) {
  const { min, max, fallback } = range
  const words = { meaning, may: `a whole number from ${min} to ${max}` }
  const read = (given: string) => {
    const value = /^[0-9]{1,15}$/.test(given) ? Number(given) : NaN
    return value >= min && value <= max ? value : undefined
  }
  return described(parsed(words, read).prefault(String(fallback)), words, String(fallback))
}

export function flag(meaning: string) {
  const words = { meaning, may: 'true or false' }
  const read = (given: string) => (given === 'true' ? true : given === 'false' ? false : undefined)
  return described(parsed(words, read).prefault('false'), words, 'false')
}

export function oneOf<const Choice extends string>(choices: readonly Choice[], fallback: Choice, meaning: string) {
  const words = { meaning, may: `one of ${choices.join(', ')}` }
  const read = (given: string) => choices.find((choice) => choice === given)
  return described(parsed(words, read).prefault(fallback), words, fallback)
}
