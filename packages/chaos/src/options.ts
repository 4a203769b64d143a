import { parseArgs } from 'node:util'

export interface RunOptions {
  readonly minutes: number
  readonly seed: number
  readonly firstRound: number
  /** Where histories are kept; null: a directory of the machine's temporary ones. */
  readonly directory: string | null
  readonly replicas: number
}

export const help = `npm run chaos -- [--minutes M] [--seed S] [--first-round N] [--replicas R] [--directory D]

Starts a Redis, replicas of the service and client processes, breaks them and their connections by a schedule that follows from the
seed, and decides from what everybody saw whether Signalbox kept its promises.

  --minutes M      how long (default 5); what remains under half a minute is not begun
  --seed S         of the schedule and of the clients' choices (default: one that is printed)
  --first-round N  begin with round N of that seed: to repeat one round, with --minutes 1 (default 1)
  --replicas R     replicas of the service (default 3)
  --directory D    where the history of a round that failed is kept

Exit code 0: every invariant held. 1: one did not, or the run could not be made. docs/reliability.md says what is checked, and how.
`

/** Null: help is asked for. Throws an error with a sentence for what it does not understand. */
export function readOptions(args: readonly string[]): RunOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string', default: String(1 + (process.pid % 100_000)) },
      'first-round': { type: 'string', default: '1' },
      replicas: { type: 'string', default: '3' },
      directory: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return null
  return {
    minutes: numberOf('--minutes', values.minutes, 0.5, 24 * 60),
    seed: wholeOf('--seed', values.seed, 0, 2 ** 31 - 1),
    firstRound: wholeOf('--first-round', values['first-round'], 1, 100_000),
    replicas: wholeOf('--replicas', values.replicas, 2, 10),
    directory: values.directory ?? null,
  }
}

function numberOf(name: string, text: string, least: number, most: number): number {
  const value = text.trim() === '' ? NaN : Number(text)
  if (value >= least && value <= most) return value
  throw new RangeError(`${name} is ${JSON.stringify(text)}; it may be a number from ${least} to ${most}.`)
}

function wholeOf(name: string, text: string, least: number, most: number): number {
  const value = numberOf(name, text, least, most)
  if (Number.isInteger(value)) return value
  throw new RangeError(`${name} is ${JSON.stringify(text)}; it may be a whole number.`)
}
