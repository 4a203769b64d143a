import type { FieldType, ScriptSpec, Values } from './script-spec.js'

/** A reply as it came: its kind, how many leases the script found past their deadline, and its fields. */
export interface DecodedReply {
  readonly kind: string
  readonly expired: number
  readonly fields: Readonly<Record<string, Values[FieldType]>>
}

function encodeArg(value: unknown): readonly string[] {
  if (typeof value === 'boolean') return [value ? '1' : '0']
  if (Array.isArray(value)) return value.map(String)
  return [String(value)]
}

/** KEYS and ARGV of one call, in their order. */
export function encodeCall(
  script: ScriptSpec,
  keys: Readonly<Record<string, string>>,
  args: Readonly<Record<string, unknown>>,
): { readonly keys: string[]; readonly args: string[] } {
  const valueOf = (from: Readonly<Record<string, unknown>>, name: string): unknown => {
    const value = from[name]
    if (value === undefined || value === null) throw new TypeError(`${script.name} was called without ${name}`)
    return value
  }
  return {
    keys: script.keys.map((name) => String(valueOf(keys, name))),
    args: Object.keys(script.args).flatMap((name) => encodeArg(valueOf(args, name))),
  }
}

function decodeInt(raw: unknown): number {
  const value = typeof raw === 'string' && raw !== '' ? Number(raw) : raw
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new TypeError(`${String(raw)} is not an integer`)
  return value
}

function decodeString(raw: unknown): string {
  if (typeof raw !== 'string') throw new TypeError(`${String(raw)} is not a string`)
  return raw
}

function decodeField(type: FieldType, raw: unknown, rest: readonly unknown[]): Values[FieldType] {
  switch (type) {
    case 'string':
      return decodeString(raw)
    case 'int':
      return decodeInt(raw)
    case 'int?':
      return raw === '' ? null : decodeInt(raw)
    case 'bool':
      return decodeInt(raw) === 1
    case 'strings':
      return rest.map(decodeString)
  }
}

/** Reads `{tag, expired, field...}`. Anything else is a bug in the script, and thrown as such. */
export function decodeReply(script: ScriptSpec, raw: unknown): DecodedReply {
  const received: readonly unknown[] = Array.isArray(raw) ? raw : []
  const [tag, expired, ...values] = received
  const spec = typeof tag === 'string' && Object.hasOwn(script.replies, tag) ? script.replies[tag] : undefined
  if (typeof tag !== 'string' || spec === undefined) {
    throw new TypeError(`${script.name} replied ${JSON.stringify(raw)}, which its header does not declare`)
  }
  const entries = Object.entries(spec)
  const takesRest = entries.at(-1)?.[1] === 'strings'
  if (takesRest ? values.length < entries.length - 1 : values.length !== entries.length) {
    throw new TypeError(
      `${script.name} replied ${tag} with ${values.length} fields, its header declares ${entries.length}`,
    )
  }
  const fields = entries.map(([name, type], index) => {
    return [name, decodeField(type, values[index], values.slice(index))] as const
  })
  return { kind: tag, expired: decodeInt(expired), fields: Object.fromEntries(fields) }
}
