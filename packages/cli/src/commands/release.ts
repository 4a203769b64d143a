import { Command } from 'commander'
import { countAboveZero } from '../arguments.js'
import { connect } from '../connect.js'
import type { Context } from '../context.js'
import { pathOf } from '../paths.js'

const examples = `
Examples:
  signalbox show reports                                  lists the fences
  signalbox release reports --fence 1795623601745876
`

export function releaseCommand(context: Context): Command {
  return new Command('release')
    .summary("take somebody's lease back")
    .description(
      'Takes a lease back from its holder, by its fence. The permits go to the next. The holder learns it at its next renewal, and may work until then. Needs a key with the scope admin.',
    )
    .argument('<name>', 'the semaphore')
    .requiredOption('--fence <fence>', 'which lease, as `signalbox show` lists it', countAboveZero)
    .option('--json', 'an object, for scripts')
    .addHelpText('after', examples)
    .action(async (name: string, options: { readonly fence: number; readonly json?: boolean }, self: Command) => {
      const { output } = context
      const reply = await connect(self, context).http.ask('DELETE', `${pathOf(name)}/leases/${options.fence}`)
      if (options.json === true) output.json(reply)
      else output.line(`released: the lease ${options.fence} of ${name}`)
    })
}
