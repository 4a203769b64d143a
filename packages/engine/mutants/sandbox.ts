import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { compileAll, readSources } from '../compiler/compile.js'
import { emit } from '../compiler/emit.js'
import { HeaderError } from '../compiler/header.js'

const notCopied = new Set(['node_modules', 'dist', 'coverage', '.git', '.signalbox'])

/** A copy of the sources, whose Lua may be anything. */
export interface Sandbox {
  readonly root: string
  readonly engine: string
  /** The file that follows from lua/. */
  readonly generated: string
  /**
   * Puts the text in the place of lua/<file>.lua, alone: what was put before is as it was again. Returns the script texts that this changed;
   * null where the compiler refuses the file, for its header does not tell the truth any more.
   */
  put(file: string, source: string): string[] | null
  remove(): void
}

export function createSandbox(repository: string): Sandbox {
  const root = mkdtempSync(join(tmpdir(), 'signalbox-mutant-'))
  cpSync(repository, root, { recursive: true, filter: (path) => !notCopied.has(basename(path)) })
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'))
  const engine = join(root, 'packages/engine')
  const lua = join(engine, 'lua')
  const generated = join(engine, 'src/redis/scripts.gen.ts')
  const original = readSources(lua)
  const texts = new Set(Object.values(compileAll(original)).map((script) => script.text))
  const pathOf = (file: string): string => join(lua, `${file}.lua`)
  const sourceOf = (file: string): string =>
    (file.startsWith('lib/') ? original.libs[file.slice('lib/'.length)] : original.commands[file]) ?? ''
  let last: string | undefined
  return {
    root,
    engine,
    generated,
    put(file, source) {
      if (last !== undefined) writeFileSync(pathOf(last), sourceOf(last))
      last = file
      writeFileSync(pathOf(file), source)
      try {
        const scripts = compileAll(readSources(lua))
        writeFileSync(generated, emit(scripts))
        return Object.values(scripts).flatMap(({ text }) => (texts.has(text) ? [] : [text]))
      } catch (error) {
        if (error instanceof HeaderError) return null
        throw error
      }
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}
