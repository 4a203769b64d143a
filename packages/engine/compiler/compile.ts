import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Script, ScriptOfMany } from '../src/redis/script-spec.js'
import { HeaderError, readHeader } from './header.js'
import type { Header } from './header.js'
import { localsOf, namesOf } from './locals.js'
import { namesDeclared, namesMissing, namesUsed, readLua } from './lua-text.js'

/** Source text of the commands and of the libraries they may name in USES; both by file name without `.lua`. */
export interface LuaSources {
  readonly commands: Readonly<Record<string, string>>
  readonly libs: Readonly<Record<string, string>>
}

function readFolder(folder: string): Record<string, string> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.lua'))
  return Object.fromEntries(files.sort().map((file) => [file.slice(0, -4), readFileSync(join(folder, file), 'utf8')]))
}

/** Reads lua/ and lua/lib/. `replacements` takes the place of libraries of that name: that is how tests bring their own clock. */
export function readSources(folder: string, replacements: Readonly<Record<string, string>> = {}): LuaSources {
  return { commands: readFolder(folder), libs: { ...readFolder(join(folder, 'lib')), ...replacements } }
}

function usesOf(lib: string): string[] {
  const listed = [...lib.matchAll(/^-- USES\s+(.*)$/gm)].flatMap((line) => (line[1] ?? '').split(','))
  return listed.map((name) => name.trim())
}

/** The named libraries and what they use, each once and none of `done`, what is used before what uses it. */
function inOrder(uses: readonly string[], libs: LuaSources['libs'], before: readonly string[]): string[] {
  const done: string[] = [...before]
  const visit = (name: string, path: readonly string[]): void => {
    if (done.includes(name)) return
    if (path.includes(name)) throw new HeaderError(`libraries use each other: ${[...path, name].join(' -> ')}`)
    const lib = libs[name]
    if (lib === undefined) throw new HeaderError(`USES ${name}: there is no lib/${name}.lua`)
    for (const used of usesOf(lib)) visit(used, [...path, name])
    done.push(name)
  }
  for (const name of uses) visit(name, [])
  return done.slice(before.length)
}

/** Tags given to `reply` itself or to a library's function around it (`state_reply`). */
function repliesIn(code: string): Set<string> {
  return new Set([...code.matchAll(/\b\w*reply\('(\w+)'/g)].map((found) => found[1] ?? ''))
}

/** Throws the first thing in which the header and the text below it do not agree. */
function check(header: Header, parts: readonly { readonly name: string; readonly source: string }[]): void {
  const texts = parts.map(({ name, source }) => ({ name, ...readLua(source) }))
  const skeleton = texts.map((text) => text.skeleton).join('\n')
  const used = namesUsed(skeleton)
  const takesStrings = Object.values(header.args).includes('strings')
  for (const text of texts) {
    const own = namesUsed(text.skeleton)
    if (own.has('KEYS')) throw new HeaderError(`${text.name} reads KEYS; use the names of the header`)
    if (own.has('ARGV') && text.name !== 'lib/clock' && !takesStrings) {
      throw new HeaderError(`${text.name} reads ARGV; use the names of the header`)
    }
    const declaresOnTop = namesDeclared(text.skeleton.replace(/^[ \t].*$/gm, '').replace(/\([^)]*\)/g, '()'))
    const others = texts.filter((other) => other !== text).map((other) => other.skeleton)
    const usedElsewhere = namesUsed(others.join('\n'))
    if (text.name.startsWith('lib/') && ![...declaresOnTop].some((name) => usedElsewhere.has(name))) {
      throw new HeaderError(`USES ${text.name.slice(4)}, but nothing of it is used`)
    }
  }
  const idle = namesOf(header).filter((name) => !used.has(name))
  if (idle.length > 0) throw new HeaderError(`declared but not used: ${idle.join(', ')}`)
  const missing = namesMissing(`${localsOf(header).join('\n')}\n${skeleton}`)
  if (missing.length > 0) throw new HeaderError(`used but not declared: ${missing.join(', ')}`)
  const code = texts.map((text) => text.code).join('\n')
  const never = Object.keys(header.replies).filter((tag) => !code.includes(`'${tag}'`))
  if (never.length > 0) throw new HeaderError(`RETURN declared but never replied: ${never.join(', ')}`)
  const undeclared = [...repliesIn(code)].filter((tag) => !Object.hasOwn(header.replies, tag))
  if (undeclared.length > 0) throw new HeaderError(`replied without a RETURN line: ${undeclared.join(', ')}`)
}

/** Each run of a script makes all its functions anew, so those that a library has for others are left out. */
function withoutIdleFunctions(code: string): string {
  const functions = [...code.matchAll(/^local function (\w+)[\s\S]*?\nend\n/gm)]
  const idle = functions.find(([, name = '']) => (code.match(new RegExp(`\\b${name}\\b`, 'g')) ?? []).length === 1)
  return idle === undefined ? code : withoutIdleFunctions(code.replace(idle[0], ''))
}

/**
 * The script, with each library before its first line that needs it: where a USES line stands. Below a return, it costs only the calls
 * that get there, for a library's functions are made anew by each.
 */
function partsOf(file: string, body: string, libs: LuaSources['libs']): { name: string; source: string }[] {
  const inlined: string[] = []
  return body.split(/^-- USES\s+/m).flatMap((source, index) => {
    if (index === 0) return [{ name: `${file}.lua`, source }]
    const [uses = '', ...rest] = source.split('\n')
    const due = inOrder(
      uses.split(',').map((lib) => lib.trim()),
      libs,
      inlined,
    )
    inlined.push(...due)
    return [
      ...due.map((lib) => ({ name: `lib/${lib}`, source: libs[lib] ?? '' })),
      { name: `${file}.lua`, source: rest.join('\n') },
    ]
  })
}

export function compileScript(file: string, sources: LuaSources): Script | ScriptOfMany {
  const body = sources.commands[file] ?? ''
  const header = readHeader(file, body)
  const { name, shebang, keys, args, each, replies } = header
  const parts = partsOf(file, body.slice(shebang.length), sources.libs)
  check(header, parts)
  const codes = parts.map((part) => readLua(part.source).code).filter((code) => code !== '')
  const code = withoutIdleFunctions(codes.join('\n'))
  const text = [shebang, `-- ${name}`, ...localsOf(header), code, ''].join('\n')
  const script = { name, keys, args, replies, text, sha1: createHash('sha1').update(text).digest('hex') }
  return each === undefined ? script : { ...script, each }
}

/** Every command of the sources, by its name. */
export function compileAll(sources: LuaSources): Readonly<Record<string, Script | ScriptOfMany>> {
  const scripts = Object.keys(sources.commands).map((file) => {
    try {
      return [file, compileScript(file, sources)] as const
    } catch (error) {
      if (error instanceof HeaderError) throw new HeaderError(`${file}.lua: ${error.message}`)
      throw error
    }
  })
  return Object.fromEntries(scripts)
}
