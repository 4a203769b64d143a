import type { ArgType, FieldType, ScriptSpec } from '../src/redis/script-spec.js'

/** What the first lines of lua/<command>.lua declare. */
export interface Header extends ScriptSpec {
  /** `#!lua`, with flags or without. */
  readonly shebang: string
  /** `local` statements that give every key and argument its name. */
  readonly locals: readonly string[]
  /** The names of those locals. */
  readonly names: readonly string[]
}

export class HeaderError extends Error {
  override readonly name = 'HeaderError'
}

const argTypes: Record<ArgType, (slot: number) => string> = {
  string: (slot) => `ARGV[${slot}]`,
  int: (slot) => `tonumber(ARGV[${slot}])`,
  bool: (slot) => `ARGV[${slot}] == '1'`,
  strings: (slot) => `${slot}`,
}

const fieldTypes: ReadonlySet<string> = new Set<FieldType>(['int', 'int?', 'string', 'bool', 'strings'])

function isArgType(word: string): word is ArgType {
  return Object.hasOwn(argTypes, word)
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

/** Reads the comment block at the top of a script. `file` is its name without `.lua`, which the header must repeat. */
export function readHeader(file: string, source: string): Header {
  const [shebang = '', title = '', ...rest] = source.split('\n')
  if (!/^#!lua( flags=[a-z,-]+)?$/.test(shebang)) throw new HeaderError('the first line must be #!lua')
  if (!title.startsWith(`-- ${file}: `)) throw new HeaderError(`the second line must begin with "-- ${file}: "`)
  const keys: string[] = []
  const args: Record<string, ArgType> = {}
  const replies: Record<string, Record<string, FieldType>> = {}
  const locals: string[] = []
  const names: string[] = []
  const declare = (name: string, value: string): void => {
    if (names.includes(name)) throw new HeaderError(`${name} is declared twice`)
    names.push(name)
    locals.push(`local ${name} = ${value}`)
  }
  for (const line of rest) {
    if (!line.startsWith('--')) break
    const [, kind = '', slot = '', tail = ''] = /^-- (USES|KEYS|ARGV|RETURN)(?:\[(\d+)\])?\s+(.*)$/.exec(line) ?? []
    const [name = '', type = '', ...more] = tail.trim().split(/\s+/)
    if (kind === 'KEYS') {
      expectSlot(kind, slot, keys.length)
      declare(`${name}_key`, `KEYS[${slot}]`)
      keys.push(camelCase(name))
    }
    if (kind === 'ARGV') {
      expectSlot(kind, slot, Object.keys(args).length)
      if (!isArgType(type)) throw new HeaderError(`ARGV[${slot}] ${name}: "${type}" is no type`)
      if (Object.values(args).includes('strings')) throw new HeaderError('an argument of type strings must come last')
      declare(type === 'strings' ? `${name}_first` : name, argTypes[type](Number(slot)))
      args[camelCase(name)] = type
    }
    if (kind === 'RETURN') {
      if (Object.hasOwn(replies, name)) throw new HeaderError(`RETURN ${name} is declared twice`)
      replies[name] = readFields(name, tail.trim() === name ? [] : [type, ...more])
    }
  }
  return { name: file, shebang, keys, args, replies, locals, names }
}
