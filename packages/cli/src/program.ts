import { Command } from 'commander'
import type { Context } from './context.js'
import { exitCodeMeanings } from './exit-codes.js'
import { completionCommand } from './commands/completion.js'
import { doctorCommand } from './commands/doctor.js'
import { keygenCommand } from './commands/keygen.js'
import { lsCommand } from './commands/ls.js'
import { releaseCommand } from './commands/release.js'
import { rmCommand } from './commands/rm.js'
import { runCommand } from './commands/run.js'
import { setCommand } from './commands/set.js'
import { showCommand } from './commands/show.js'
import { watchCommand } from './commands/watch.js'

const exitCodesText = [
  'Exit codes:',
  ...Object.entries(exitCodeMeanings).map(([code, meaning]) => `  ${code.padStart(3)}  ${meaning}`),
].join('\n')

export function buildProgram(context: Context): Command {
  const program = new Command('signalbox')
    .description('At most N at once, on any number of machines: the command line of Signalbox.')
    .version(context.config.version, '-V, --version', 'print the version')
    .option('--url <url>', 'where the service is (default: SIGNALBOX_URL, else http://127.0.0.1:7600)')
    .showHelpAfterError('(--help shows the options)')
    .exitOverride()
  const commands = [
    runCommand,
    lsCommand,
    showCommand,
    setCommand,
    releaseCommand,
    rmCommand,
    keygenCommand,
    watchCommand,
    doctorCommand,
    completionCommand,
  ]
  for (const make of commands) program.addCommand(make(context).copyInheritedSettings(program))
  program.addHelpText('after', `\nThe key is read from SIGNALBOX_API_KEY.\n\n${exitCodesText}`)
  return program
}
