import type { ArgType, EachSpec, FieldType, ScriptSpec } from '../src/redis/script-spec.js'

export interface Arg {
  readonly name: string
  readonly type: ArgType
}

/** What the first lines of lua/<command>.lua declare, in the words of the script. */
export interface Header extends ScriptSpec {
  /** `#!lua`, with flags or without. */
  readonly shebang: string
  /** Without `_key`. */
  readonly keyNames: readonly string[]
  readonly argList: readonly Arg[]
  /** `KEYS[each]`: the key that every call brings, if it brings one. */
  readonly eachKey: string | undefined
  /** `ARGV[each]`: what every call brings. Empty: the script answers one call. */
  readonly eachArgs: readonly Arg[]
  /** Both as whoever makes a call knows them. */
  readonly each: EachSpec | undefined
}

export class HeaderError extends Error {
  override readonly name = 'HeaderError'
}

const argTypes: ReadonlySet<string> = new Set<ArgType>(['string', 'int', 'bool', 'strings'])
const fieldTypes: ReadonlySet<string> = new Set<FieldType>(['int', 'int?', 'string', 'bool', 'strings'])

function isArgType(word: string): word is ArgType {
  return argTypes.has(word)
}

function isFieldType(word: string): word is FieldType {
  return fieldTypes.has(word)
}

export function camelCase(name: string): string {
  return name.replace(/[-_]([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function expectSlot(kind: string, slot: string, seen: number): void {
  if (Number(slot) !== seen + 1) throw new HeaderError(`${kind}[${slot}] where ${kind}[${seen + 1}] was due`)
}

function readArg(slot: string, name: string, type: string, before: readonly Arg[]): Arg {
  if (!isArgType(type)) throw new HeaderError(`ARGV[${slot}] ${name}: "${type}" is no type`)
  const takesRest = before.some((arg) => arg.type === 'strings') || (type === 'strings' && slot === 'each')
  if (takesRest) throw new HeaderError('an argument of type strings must come last')
  return { name, type }
}

function readFields(tag: string, words: readonly string[]): Record<string, FieldType> {
  const fields: Record<string, FieldType> = {}
  for (const [index, word] of words.entries()) {
    const [name = '', type = ''] = word.split(':')
    if (!isFieldType(type)) throw new HeaderError(`RETURN ${tag}: "${word}" is not name:type`)
    if (type === 'strings' && index !== words.length - 1) throw new HeaderError(`RETURN ${tag}: strings must come last`)
    fields[camelCase(name)] = type
  }
  return fields
}

function typesOf(args: readonly Arg[]): Record<string, ArgType> {
  return Object.fromEntries(args.map(({ name, type }) => [camelCase(name), type]))
}

/** Reads the comment block at the top of a script. `file` is its name without `.lua`, which the header must repeat. */
export function readHeader(file: string, source: string): Header {
  const [shebang = '', title = '', ...rest] = source.split('\n')
  if (!/^#!lua( flags=[a-z,-]+)?$/.test(shebang)) throw new HeaderError('the first line must be #!lua')
  if (!title.startsWith(`-- ${file}: `)) throw new HeaderError(`the second line must begin with "-- ${file}: "`)
  const keyNames: string[] = []
  const eachKeys: string[] = []
  const argList: Arg[] = []
  const eachArgs: Arg[] = []
  const replies: Record<string, Record<string, FieldType>> = {}
  for (const line of rest) {
    if (!line.startsWith('--')) break
    const [, kind = '', slot = '', tail = ''] =
      /^-- (USES|KEYS|ARGV|RETURN)(?:\[(\d+|each)\])?\s+(.*)$/.exec(line) ?? []
    const [name = '', type = '', ...more] = tail.trim().split(/\s+/)
    if (kind === 'KEYS') {
      if (slot !== 'each') expectSlot(kind, slot, keyNames.length)
      ;(slot === 'each' ? eachKeys : keyNames).push(name)
    }
    if (kind === 'ARGV') {
      if (slot !== 'each') expectSlot(kind, slot, argList.length)
      const args = slot === 'each' ? eachArgs : argList
      args.push(readArg(slot, name, type, argList))
    }
    if (kind === 'RETURN') {
      if (Object.hasOwn(replies, name)) throw new HeaderError(`RETURN ${name} is declared twice`)
      replies[name] = readFields(name, tail.trim() === name ? [] : [type, ...more])
    }
  }
  if (eachKeys.length > 1 || (eachKeys.length > 0 && eachArgs.length === 0)) {
    throw new HeaderError('KEYS[each] is one key, beside ARGV[each]')
  }
  const each = eachArgs.length === 0 ? undefined : { keys: eachKeys.map(camelCase), args: typesOf(eachArgs) }
  const spec = { name: file, keys: keyNames.map(camelCase), args: typesOf(argList), each, replies }
  return { ...spec, shebang, keyNames, argList, eachKey: eachKeys[0], eachArgs }
}
