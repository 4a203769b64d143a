import type { SemaphoreState } from '@signalbox/client'
import { Command } from 'commander'
import { connect } from '../connect.js'
import type { Context } from '../context.js'
import { durationText } from '../duration.js'
import { allOf, isLeaseItem, isWaiterItem, type LeaseItem, type WaiterItem } from '../listings.js'
import { table, type Column, type Output } from '../output.js'
import { pathOf } from '../paths.js'
import { semaphoreColumns } from '../semaphore-table.js'

const examples = `
Examples:
  signalbox show reports
  signalbox show reports --json | jq '.leases[] | select(.heldMs > 3600000) | .fence'
`

export const leaseColumns: readonly Column<LeaseItem>[] = [
  { title: 'FENCE', text: ({ fence }) => String(fence) },
  { title: 'PERMITS', text: ({ permits }) => String(permits), right: true },
  { title: 'HELD', text: ({ heldMs }) => durationText(heldMs), right: true },
  { title: 'LEFT', text: ({ expiresInMs }) => durationText(expiresInMs), right: true },
  { title: 'HOLDER', text: ({ holder }) => holder },
]

export const waiterColumns: readonly Column<WaiterItem>[] = [
  { title: 'PLACE', text: ({ position }) => String(position), right: true },
  { title: 'PERMITS', text: ({ permits }) => String(permits), right: true },
  { title: 'WAITED', text: ({ waitedMs }) => durationText(waitedMs), right: true },
  { title: 'HOLDER', text: ({ holder }) => holder },
]

export interface Detail {
  readonly semaphore: SemaphoreState
  readonly leases: readonly LeaseItem[]
  readonly waiters: readonly WaiterItem[]
}

/** The semaphore, who holds, who waits. */
export function detailLines({ semaphore, leases, waiters }: Detail, output: Output): string[] {
  return [
    ...table([semaphore], semaphoreColumns, output),
    ...(leases.length === 0 ? [] : ['', ...table(leases, leaseColumns, output)]),
    ...(waiters.length === 0 ? [] : ['', ...table(waiters, waiterColumns, output)]),
  ]
}

export function showCommand(context: Context): Command {
  return new Command('show')
    .summary('show who holds and who waits')
    .description('Shows a semaphore, who holds its permits and who waits for them. Needs a key with the scope inspect.')
    .argument('<name>', 'the semaphore')
    .option('--json', 'an object, for scripts')
    .addHelpText('after', examples)
    .action(async (name: string, options: { readonly json?: boolean }, self: Command) => {
      const { output } = context
      const { client, http } = connect(self, context)
      const semaphore = await client.semaphore(name).inspect()
      const leases = await allOf(http, `${pathOf(name)}/leases`, isLeaseItem)
      const waiters = await allOf(http, `${pathOf(name)}/waiters`, isWaiterItem)
      if (options.json === true) output.json({ ...semaphore, leases, waiters })
      else for (const line of detailLines({ semaphore, leases, waiters }, output)) output.line(line)
    })
}
