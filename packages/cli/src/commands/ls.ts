import type { SemaphoreState } from '@signalbox/client'
import { Command } from 'commander'
import { connect } from '../connect.js'
import type { Context } from '../context.js'
import { table } from '../output.js'
import { semaphoreColumns } from '../semaphore-table.js'

const examples = `
Examples:
  signalbox ls                                            all that the key may see
  signalbox ls billing: --json | jq -r '.[] | select(.waiting > 0) | .name'
`

export function lsCommand(context: Context): Command {
  return new Command('ls')
    .summary('list semaphores')
    .description('Lists the semaphores that exist. Needs a key with the scope inspect.')
    .argument('[prefix]', 'the beginning of their names', '')
    .option('--json', 'an array, for scripts')
    .addHelpText('after', examples)
    .action(async (prefix: string, options: { readonly json?: boolean }, self: Command) => {
      const { output } = context
      const semaphores: SemaphoreState[] = []
      for await (const semaphore of connect(self, context).client.semaphores({ prefix })) semaphores.push(semaphore)
      semaphores.sort((a, b) => (a.name < b.name ? -1 : 1))
      if (options.json === true) output.json(semaphores)
      else if (semaphores.length > 0) for (const line of table(semaphores, semaphoreColumns, output)) output.line(line)
    })
}
