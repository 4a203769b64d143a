import { Command } from 'commander'
import { connect } from '../connect.js'
import type { Context } from '../context.js'
import { checkKey, checkMetrics, checkService, checkStore, type Check } from '../doctor/checks.js'
import { printable, type Colour } from '../output.js'

const examples = `
Examples:
  signalbox doctor
  signalbox doctor --json | jq '.[] | select(.verdict != "ok")'
`

const marks: Readonly<Record<Check['verdict'], readonly [mark: string, colour: Colour]>> = {
  ok: ['ok', 'green'],
  warning: ['warning', 'yellow'],
  failure: ['failure', 'red'],
  unknown: ['unknown', 'dim'],
}

export function doctorCommand(context: Context): Command {
  return new Command('doctor')
    .summary('say what is wrong with the service, and what to do')
    .description(
      'Checks the service, its store, the key, the settings of Redis and the latency, over HTTP, and says what to do. The exit code is that of the worst failure, or 78 if something is to be set right. With several replicas it sees only the one that answers.',
    )
    .option('--json', 'an array, for scripts')
    .addHelpText('after', examples)
    .action(async (options: { readonly json?: boolean }, self: Command) => {
      const { output } = context
      const { http } = connect(self, context)
      const checks = await allChecks(http)
      if (options.json === true) output.json(checks)
      else {
        for (const { what, verdict, found, fix } of checks) {
          const [mark, colour] = marks[verdict]
          output.line(`${output.paint(colour, mark.padEnd(7))}  ${what.padEnd(8)}  ${printable(found)}`)
          if (fix !== undefined) output.line(`${' '.repeat(19)}${output.paint('bold', fix)}`)
        }
      }
      const failure = checks.find(({ verdict }) => verdict === 'failure')
      const warning = checks.find(({ verdict }) => verdict === 'warning')
      context.ends((failure ?? warning)?.exitCode ?? 0)
    })
}

async function allChecks(http: Parameters<typeof checkService>[0]): Promise<Check[]> {
  const service = await checkService(http)
  // Nothing else can be asked of one that does not answer.
  if (service.verdict === 'failure') return [service]
  return [service, await checkStore(http), await checkKey(http), ...(await checkMetrics(http))]
}
