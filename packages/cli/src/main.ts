import { CommanderError } from 'commander'
import { SignalboxError, ValueError } from '@signalbox/client'
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
    return exitCodeOf(error.code)
  }
  process.stderr.write(`signalbox: a bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return exitCodes.internal
}

// `signalbox ls | head`: who reads has enough.
process.stdout.on('error', () => process.exit(exitCodes.ok))

try {
  const config = readConfig()
  const output = new Output(process.stdout, config)
  const ends = (code: number): void => {
    process.exitCode = code
  }
  await buildProgram({ config, output, ends, exit: (code) => process.exit(code) }).parseAsync()
} catch (error) {
  process.exitCode = exitCodeOfError(error)
}
