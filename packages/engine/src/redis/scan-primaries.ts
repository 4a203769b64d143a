import { createHash } from 'node:crypto'
import { StoreUnavailableError } from '../store.js'
import type { Connection, Primary } from './connection.js'

/** A step of SCAN, from "0" on. */
export type Scan = (position: string, pattern: string) => Promise<ScanStep>

export interface ScanStep {
  /** Where it was made: not where it was to be made, if that server is gone. */
  readonly at: string
  /** Where it ended; "0": at the very end. */
  readonly next: string
  readonly keys: readonly string[]
}

/** Keys that one step of SCAN looks at: 1,000 take about a fifth of a millisecond. */
const scanCount = 1_000

/** The form of a position between "0" and "0": lowest slot of the server, a mark of the server, and its cursor. */
export const positionForm = '0|\\d{1,5}-[0-9a-f]{8}-\\d{1,19}'

/** A cursor is worth something only to the server that gave it, and where servers are is no business of those who list. */
function markOf({ address }: Primary): string {
  return createHash('sha256').update(address).digest('hex').slice(0, 8)
}

/**
 * SCAN over all primaries, one after the other. A server that went away in the middle (failover) is replaced by the one that has its slots
 * now, from the beginning: some names come twice. While slots move between servers, names of these slots may be missed.
 */
export function scanPrimaries({ askAll }: Connection): Scan {
  return (position, pattern) =>
    askAll('scan', async ({ reachable, unreachable }) => {
      if (unreachable.length > 0) throw new StoreUnavailableError(`Not reachable: ${unreachable.join(', ')}.`)
      const { primary, cursor } = placeOf(position, reachable)
      const [next, keys] = await primary.client.scan(cursor, 'MATCH', pattern, 'COUNT', scanCount)
      const at = positionOf(primary, cursor)
      if (next !== '0') return { at, next: positionOf(primary, next), keys }
      const following = reachable[reachable.indexOf(primary) + 1]
      return { at, next: following === undefined ? '0' : positionOf(following, '0'), keys }
    })
}

function positionOf(primary: Primary, cursor: string): string {
  return `${primary.slot}-${markOf(primary)}-${cursor}`
}

function placeOf(position: string, primaries: readonly Primary[]): { primary: Primary; cursor: string } {
  const [slot = '0', mark, cursor = '0'] = position.split('-')
  const same = primaries.find((primary) => markOf(primary) === mark)
  if (same !== undefined) return { primary: same, cursor }
  const heir = primaries.findLast((primary) => primary.slot <= Number(slot)) ?? primaries[0]
  if (heir === undefined) throw new StoreUnavailableError('No server of the cluster is known yet.')
  return { primary: heir, cursor: '0' }
}
