import { Command, Option } from 'commander'
import { count, countAboveZero, duration, durationAboveZero } from '../arguments.js'
import { connect, urlOf } from '../connect.js'
import type { Context } from '../context.js'
import { Failure, exitCodes } from '../exit-codes.js'
import { run } from '../run/run.js'
import { Status } from '../status.js'

const examples = `
Examples:
  signalbox run deploy -- ./deploy.sh                     one at a time, wherever it is started
  signalbox run nightly --limit 2 --wait 10m -- ./nightly.sh --all
  signalbox run gpu --limit 4 --permits 4 --wait 0 -- python train.py || echo "busy, or failed"
  signalbox run prod --foreground -- ssh -t host sudo reboot

The command finds SIGNALBOX_SEMAPHORE and SIGNALBOX_FENCE in its environment: the fence only grows, so that
what the command writes to can refuse an older one.
`

interface Options {
  readonly limit?: number
  readonly permits: number
  readonly wait?: number
  readonly ttl: number
  readonly grace: number
  readonly holder?: string
  readonly foreground?: boolean
  readonly quiet?: boolean
}

export function runCommand(context: Context): Command {
  return new Command('run')
    .summary('run a command while a lease is held')
    .description(
      'Waits for its turn, runs the command while the lease is held and renewed, and gives the lease back when the command has ended. ' +
        'Signals and the exit code are passed on. The command is ended when the lease is taken back or cannot be renewed: SIGTERM, then SIGKILL after the grace. ' +
        'With a ttl of 30s and a grace of 10s: SIGTERM 20s after the last renewal, SIGKILL at 30s, when others are let in.',
    )
    .argument('<name>', 'the semaphore; created by its first user')
    .argument('<command...>', 'what to run, after --')
    .option('-l, --limit <n>', 'how many permits a new semaphore has (default: 1); changes none that is there', count)
    .option('-p, --permits <n>', 'how many to hold', countAboveZero, 1)
    .option('-w, --wait <duration>', 'how long to wait; 0: not at all (default: until granted)', duration)
    .addOption(
      new Option('--ttl <duration>', 'how long the lease lasts unrenewed')
        .argParser(durationAboveZero)
        .default(30_000, '30s'),
    )
    .addOption(
      new Option(
        '--grace <duration>',
        'time from SIGTERM to SIGKILL; above a third of the ttl, others may be let in before SIGKILL',
      )
        .argParser(duration)
        .default(10_000, '10s'),
    )
    .option('--holder <text>', 'who holds, for people to read (default: SIGNALBOX_HOLDER, else host and process id)')
    .option('-f, --foreground', 'leave the terminal to the command: for passwords, editors, Ctrl-Z')
    .option('-q, --quiet', 'print errors only, beside what the command prints')
    .addHelpText('after', examples)
    .action(async (semaphore: string, [program, ...args]: string[], options: Options, self: Command) => {
      if (program === undefined) throw new Failure('There is no command to run', exitCodes.usage)
      const plan = {
        semaphore,
        limit: options.limit,
        permits: options.permits,
        ttlMs: options.ttl,
        waitMs: options.wait ?? Infinity,
        graceMs: options.grace,
        holder: options.holder ?? context.config.holder,
        foreground: options.foreground ?? false,
        command: [program, ...args] as const,
      }
      const status = new Status(process.stderr, options.quiet ?? false)
      context.exit(
        await run(plan, {
          url: urlOf(self, context),
          http: connect(self, context).http,
          env: context.config.env,
          status,
        }),
      )
    })
}
