import { mkdtempSync } from 'node:fs'
import { rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { help, readOptions, type RunOptions } from './options.js'
import { run } from './run.js'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

function optionsOrExit(): RunOptions {
  try {
    const options = readOptions(process.argv.slice(2))
    if (options !== null) return options
    say(help)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`)
    process.exit(1)
  }
  process.exit(0)
}

const options = optionsOrExit()
const directory =
  options.directory === null ? mkdtempSync(join(tmpdir(), 'signalbox-chaos-')) : resolve(options.directory)
// Children do not outlive this process: they are killed when it exits.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

say(`seed ${options.seed}, ${options.minutes} minutes, ${options.replicas} replicas`)
let passed = false
try {
  passed = await run(options, directory, say)
} catch (error) {
  process.stderr.write(
    `The run could not be made: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  )
}
// What was kept stays.
await rmdir(directory).catch(() => undefined)
say(passed ? 'PASS' : `FAIL (again: npm run chaos -- --minutes ${options.minutes} --seed ${options.seed})`)
process.exit(passed ? 0 : 1)
