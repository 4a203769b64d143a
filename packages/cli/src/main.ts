import { CommanderError } from 'commander'
import { SignalboxError, UnavailableError, ValueError } from '@signalbox/client'
import { readConfig } from './config.js'
import { exitCodeOf, exitCodes, Failure } from './exit-codes.js'
import { Output, printable } from './output.js'
import { buildProgram } from './program.js'

function exitCodeOfError(error: unknown): number {
  // Commander has said it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  if (error instanceof Failure) {
    process.stderr.write(`signalbox: ${printable(error.message)}\n`)
    return error.exitCode
  }
  if (error instanceof SignalboxError || error instanceof ValueError) {
    process.stderr.write(`signalbox: ${printable(error.message)}\n`)
    // Whoever answered for it: a proxy without a service behind it is no Signalbox, and yet all that it says is that there is none just now.
    return error instanceof UnavailableError ? exitCodes.unavailable : exitCodeOf(error.code)
  }
  process.stderr.write(`signalbox: a bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return exitCodes.internal
}

process.stdout.on('error', (error: Error) => {
  // `signalbox ls | head`: who reads has enough.
  if ('code' in error && error.code === 'EPIPE') process.exit(exitCodes.ok)
  process.stderr.write(`signalbox: the output cannot be written: ${error.message}\n`)
  process.exit(exitCodes.internal)
})
// Without a listener a reader that has gone (`2>&1 | head`), or a terminal that was closed, would end a run with its lease, and its command.
process.stderr.on('error', () => undefined)

try {
  const config = readConfig()
  const output = new Output(process.stdout, config)
  const ends = (code: number): void => {
    process.exitCode = code
  }
  const argv = process.argv.slice(2)
  const exit = (code: number): void => process.exit(code)
  await buildProgram({ config, output, argv, ends, exit }).parseAsync(argv, { from: 'user' })
} catch (error) {
  process.exitCode = exitCodeOfError(error)
}
