import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { compileAll, readSources } from './compile.js'
import { emit } from './emit.js'

const lua = fileURLToPath(new URL('../lua', import.meta.url))
const target = fileURLToPath(new URL('../src/redis/scripts.gen.ts', import.meta.url))

const text = emit(compileAll(readSources(lua)))
const isCurrent = existsSync(target) && readFileSync(target, 'utf8') === text

if (process.argv.includes('--check')) {
  if (!isCurrent) {
    console.error(
      'packages/engine/src/redis/scripts.gen.ts does not match lua/: run `npm run generate -w @signalbox/engine`',
    )
    process.exitCode = 1
  }
} else if (!isCurrent) {
  writeFileSync(target, text)
  console.log('wrote packages/engine/src/redis/scripts.gen.ts')
}
