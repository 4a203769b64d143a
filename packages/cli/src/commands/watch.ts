import { Command } from 'commander'
import { connect } from '../connect.js'
import type { Context } from '../context.js'
import { exitCodes, Failure } from '../exit-codes.js'
import { printable, table, type Column, type Output } from '../output.js'
import { semaphoreColumns } from '../semaphore-table.js'
import { aged, boardAfter, emptyBoard, type Board, type LiveSemaphore } from '../watch/board.js'
import { liveEvents, type LiveEvent } from '../watch/events.js'
import { Screen } from '../watch/screen.js'
import { leaseColumns, waiterColumns } from './show.js'

const examples = `
Examples:
  signalbox watch                                         all that the key may see; those with waiters first
  signalbox watch reports                                 one, with who holds and who waits
  signalbox watch --prefix billing: --json                an event a line: {"event":"changes","data":{…}}
`

const redrawEveryMs = 1_000

const liveColumns: readonly Column<LiveSemaphore>[] = [
  ...semaphoreColumns,
  { title: 'GRANTS/S', text: ({ grantsPerS }) => grantsPerS.toFixed(1), right: true },
]

interface Options {
  readonly prefix?: string
  readonly json?: boolean
}

export function watchCommand(context: Context): Command {
  return new Command('watch')
    .summary('show semaphores as they change')
    .description(
      'Shows semaphores as they change, until Ctrl-C. Without a terminal it prints one event a line, as with --json. It connects again after the service was away. Needs a key with the scope inspect.',
    )
    .argument('[name]', 'one semaphore, with who holds and who waits (default: all)')
    .option('--prefix <prefix>', 'only names that begin so')
    .option('--json', 'one event a line, for scripts')
    .addHelpText('after', examples)
    .action(async (name: string | undefined, options: Options, self: Command) => {
      if (name !== undefined && options.prefix !== undefined)
        throw new Failure('--prefix says nothing where a semaphore is named', exitCodes.usage)
      const query = new URLSearchParams(name === undefined ? { prefix: options.prefix ?? '' } : { semaphore: name })
      const ending = new AbortController()
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => ending.abort())
      const isForPeople = context.output.isTerminal && options.json !== true
      const show = isForPeople ? onScreen : asLines
      const { http } = connect(self, context)
      await show((lost) => liveEvents(http, `/v1/events?${query.toString()}`, ending.signal, lost), context.output)
    })
}

type Source = (lost: (why: string) => void) => AsyncIterable<LiveEvent>

async function asLines(source: Source, output: Output): Promise<void> {
  const lost = (why: string): void => output.raw(`${JSON.stringify({ event: 'disconnected', data: { why } })}\n`)
  for await (const event of source(lost)) output.raw(`${JSON.stringify(event)}\n`)
}

async function onScreen(source: Source, output: Output): Promise<void> {
  let board = emptyBoard
  let toldAtMs = performance.now()
  const screen = new Screen(output)
  const draw = (): void => screen.draw(linesOf(aged(board, performance.now() - toldAtMs), output))
  const redrawing = setInterval(draw, redrawEveryMs)
  const lost = (why: string): void => {
    board = { ...board, trouble: `${why}; connecting again` }
    draw()
  }
  try {
    draw()
    for await (const event of source(lost)) {
      // What a change leaves as it is grows older all the same.
      board = boardAfter(aged(board, performance.now() - toldAtMs), event)
      toldAtMs = performance.now()
      draw()
    }
  } finally {
    clearInterval(redrawing)
    screen.close()
  }
}

function linesOf({ semaphores, leases, waiters, truncated, trouble }: Board, output: Output): string[] {
  const head = trouble === undefined ? [] : [output.paint('red', printable(trouble)), '']
  return [
    ...head,
    ...table(semaphores, liveColumns, output),
    ...(truncated ? ['… there are more'] : []),
    ...(leases.length === 0 ? [] : ['', ...table(leases, leaseColumns, output)]),
    ...(waiters.length === 0 ? [] : ['', ...table(waiters, waiterColumns, output)]),
  ]
}
