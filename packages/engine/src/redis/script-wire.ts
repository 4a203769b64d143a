import type { ArgTypes, FieldType, ScriptOfMany, ScriptSpec, Values } from './script-spec.js'

/** A reply as it came: how many leases the script found past their deadline, and what it says. */
export interface DecodedReply {
  readonly expired: number
  readonly reply: { readonly kind: string } & Readonly<Record<string, Values[FieldType]>>
}

function valueOf(script: ScriptSpec, from: Readonly<Record<string, unknown>>, name: string): unknown {
  const value = from[name]
  if (value === undefined || value === null) throw new TypeError(`${script.name} was called without ${name}`)
  return value
}

/*
 * Loops that fill one array, here and below: written with `map` and `flatMap` it took as long as a third of what the client takes to
 * send the call.
 */

/** Appends the keys that were declared, in their order. */
export function encodeKeys(
  script: ScriptSpec,
  declared: readonly string[],
  keys: Readonly<Record<string, string>>,
  sent: string[],
): void {
  for (const name of declared) sent.push(String(valueOf(script, keys, name)))
}

/** Appends the arguments that were declared, in their order. */
export function encodeArgs(
  script: ScriptSpec,
  declared: ArgTypes,
  args: Readonly<Record<string, unknown>>,
  sent: string[],
): void {
  for (const name in declared) {
    const value = valueOf(script, args, name)
    if (typeof value === 'boolean') sent.push(value ? '1' : '0')
    else if (Array.isArray(value)) for (const each of value) sent.push(String(each))
    else sent.push(String(value))
  }
}

/** The arguments of one call of a script that answers many, as the script reads them: a list in JSON. */
export function callText(script: ScriptOfMany, args: Readonly<Record<string, unknown>>): string {
  const values: unknown[] = []
  for (const name in script.each.args) {
    const value = valueOf(script, args, name)
    // Half a surrogate pair, which a label may have, is an escape in JSON, and would fail all calls that are read with it.
    values.push(typeof value === 'string' ? value.toWellFormed() : value)
  }
  return JSON.stringify(values)
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

function decodeField(type: FieldType, values: readonly unknown[], at: number): Values[FieldType] {
  switch (type) {
    case 'string':
      return decodeString(values[at])
    case 'int':
      return decodeInt(values[at])
    case 'int?':
      return values[at] === '' ? null : decodeInt(values[at])
    case 'bool':
      return decodeInt(values[at]) === 1
    case 'strings':
      return values.slice(at).map(decodeString)
  }
}

interface Field {
  readonly name: string
  readonly type: FieldType
}

/** The fields of each reply as lists, made once: a reply is read for every call. */
const fieldsOfScripts = new WeakMap<ScriptSpec, ReadonlyMap<unknown, readonly Field[]>>()

function fieldsOf(script: ScriptSpec): ReadonlyMap<unknown, readonly Field[]> {
  const known = fieldsOfScripts.get(script)
  if (known !== undefined) return known
  const fields = new Map(
    Object.entries(script.replies).map(([tag, types]) => {
      return [tag, Object.entries(types).map(([name, type]) => ({ name, type }))] as const
    }),
  )
  fieldsOfScripts.set(script, fields)
  return fields
}

/** Reads `{tag, expired, field...}`. Anything else is a bug in the script, and thrown as such. */
export function decodeReply(script: ScriptSpec, raw: unknown): DecodedReply {
  const values: readonly unknown[] = Array.isArray(raw) ? raw : []
  const [tag, expired] = values
  const fields = fieldsOf(script).get(tag)
  if (typeof tag !== 'string' || fields === undefined) {
    throw new TypeError(`${script.name} replied ${JSON.stringify(raw)}, which its header does not declare`)
  }
  const takesRest = fields.at(-1)?.type === 'strings'
  const came = values.length - 2
  if (takesRest ? came < fields.length - 1 : came !== fields.length) {
    throw new TypeError(`${script.name} replied ${tag} with ${came} fields, its header declares ${fields.length}`)
  }
  const reply: { kind: string } & Record<string, Values[FieldType]> = { kind: tag }
  for (let at = 0; at < fields.length; at += 1) {
    const field = fields[at]
    if (field !== undefined) reply[field.name] = decodeField(field.type, values, at + 2)
  }
  return { expired: decodeInt(expired), reply }
}

function parseList(raw: unknown): readonly unknown[] {
  const list: unknown = typeof raw === 'string' ? JSON.parse(raw) : null
  return Array.isArray(list) ? list : []
}

/** The replies to the calls of one run. The last one knows of all leases that were found past their deadline. */
export interface DecodedReplies {
  readonly replies: readonly DecodedReply[]
  /** What the script told the replica that ran it, as it would have been published. */
  readonly told: readonly string[]
}

/** Reads the reply of a script that answers many: one for each of `calls` calls, and behind them a list of what was told, unless that is empty. */
export function decodeReplies(script: ScriptSpec, raw: unknown, calls: number): DecodedReplies {
  const list = parseList(raw)
  const told = list.length === calls + 1 ? list[calls] : []
  if (list.length < calls || list.length > calls + 1 || !Array.isArray(told)) {
    throw new TypeError(`${script.name} replied ${JSON.stringify(raw)} to ${calls} calls`)
  }
  return { replies: list.slice(0, calls).map((reply) => decodeReply(script, reply)), told: told.map(decodeString) }
}
