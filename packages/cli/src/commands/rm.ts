import { Command } from 'commander'
import { connect } from '../connect.js'
import type { Context } from '../context.js'
import { pathOf } from '../paths.js'

const examples = `
Examples:
  signalbox rm reports
  signalbox rm reports --force                            its leases are void then: a second crew may start
`

export function rmCommand(context: Context): Command {
  return new Command('rm')
    .summary('remove a semaphore')
    .description(
      'Removes a semaphore. Its waiters are told that there is none. A semaphore in use is left alone (75) without --force. Needs a key with the scope admin.',
    )
    .argument('<name>', 'the semaphore')
    .option('--force', 'remove it even while leases are held')
    .option('--json', 'an object, for scripts')
    .addHelpText('after', examples)
    .action(async (name: string, options: { readonly force?: boolean; readonly json?: boolean }, self: Command) => {
      const { output } = context
      await connect(self, context).http.ask('DELETE', `${pathOf(name)}?force=${String(options.force === true)}`)
      if (options.json === true) output.json({ state: 'removed', name })
      else output.line(`removed: ${name}`)
    })
}
