import { Command } from 'commander'
import type { Context } from './context.js'
import { exitCodeMeanings } from './exit-codes.js'
import { runCommand } from './commands/run.js'

const exitCodesText = [
  'Exit codes:',
  ...Object.entries(exitCodeMeanings).map(([code, meaning]) => `  ${code.padStart(3)}  ${meaning}`),
].join('\n')

export function buildProgram(context: Context): Command {
  const program = new Command('signalbox')
    .description('At most N at once, on any number of machines: the command line of Signalbox.')
    .option('--url <url>', 'where the service is (default: SIGNALBOX_URL, else http://127.0.0.1:7600)')
    .showHelpAfterError('(--help shows the options)')
    .exitOverride()
  for (const make of [runCommand]) program.addCommand(make(context).copyInheritedSettings(program))
  program.addHelpText('after', `\nThe key is read from SIGNALBOX_API_KEY.\n\n${exitCodesText}`)
  return program
}
