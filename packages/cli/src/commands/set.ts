import { Command } from 'commander'
import { count } from '../arguments.js'
import { connect } from '../connect.js'
import type { Context } from '../context.js'
import { table } from '../output.js'
import { semaphoreColumns } from '../semaphore-table.js'

const examples = `
Examples:
  signalbox set reports --limit 5
  signalbox set reports --limit 0                         pause: who holds goes on, nobody else is granted
`

export function setCommand(context: Context): Command {
  return new Command('set')
    .summary('create or resize a semaphore')
    .description(
      'Sets the limit, for everybody and for good. Creates the semaphore if there is none. A lower limit takes nothing back: nothing is granted until use is below it. Needs a key with the scope admin.',
    )
    .argument('<name>', 'the semaphore')
    .requiredOption('-l, --limit <n>', 'how many permits may be held at once', count)
    .option('--json', 'the semaphore as an object, for scripts')
    .addHelpText('after', examples)
    .action(async (name: string, options: { readonly limit: number; readonly json?: boolean }, self: Command) => {
      const { output } = context
      const semaphore = await connect(self, context).client.boundedSemaphore(name).resize(options.limit)
      if (options.json === true) output.json(semaphore)
      else for (const line of table([semaphore], semaphoreColumns, output)) output.line(line)
    })
}
