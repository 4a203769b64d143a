import { Command, InvalidArgumentError, Option } from 'commander'
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

/** Renewed at a third of it, over a network, and heard of by the warden: of a shorter one there is nothing left when the command starts. */
const ttlMsMin = 500

function ttl(text: string): number {
  const ttlMs = durationAboveZero(text)
  if (ttlMs < ttlMsMin) throw new InvalidArgumentError(`It must be ${ttlMsMin}ms or more, to be renewed in time.`)
  return ttlMs
}

/**
 * What to run: all that stands behind `--`, and nothing else. Without one, options meant for the command would be taken for this one's
 * (`run name mkdir -p 3` would hold three permits), and a `--` meant for the command would be swallowed.
 */
function commandOf(given: readonly string[], argv: readonly string[]): readonly [string, ...string[]] {
  const [program, ...args] = argv.includes('--') ? argv.slice(argv.indexOf('--') + 1) : []
  if (program === undefined || given.length !== args.length + 1)
    throw new Failure('The command must stand behind --: signalbox run NAME [options] -- COMMAND', exitCodes.usage)
  if (program === '') throw new Failure('The command is empty: is a variable not set?', exitCodes.usage)
  return [program, ...args]
}

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
    .argument('[command...]', 'what to run: all that stands behind --')
    .usage('[options] <name> -- <command...>')
    .option('-l, --limit <n>', 'how many permits a new semaphore has (default: 1); changes none that is there', count)
    .option('-p, --permits <n>', 'how many to hold', countAboveZero, 1)
    .option('-w, --wait <duration>', 'how long to wait; 0: not at all (default: until granted)', duration)
    .addOption(
      new Option('--ttl <duration>', 'how long the lease lasts unrenewed').argParser(ttl).default(30_000, '30s'),
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
    .action(async (semaphore: string, given: string[], options: Options, self: Command) => {
      const plan = {
        semaphore,
        limit: options.limit,
        permits: options.permits,
        ttlMs: options.ttl,
        waitMs: options.wait ?? Infinity,
        graceMs: options.grace,
        holder: options.holder ?? context.config.holder,
        foreground: options.foreground ?? false,
        command: commandOf(given, context.argv),
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
