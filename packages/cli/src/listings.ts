import { exitCodes, Failure } from './exit-codes.js'
import type { Http } from './http.js'
import { isRecord } from './record.js'

type Members = Readonly<Record<string, unknown>>

export interface LeaseItem {
  readonly fence: number
  readonly permits: number
  readonly holder: string
  readonly heldMs: number
  readonly expiresInMs: number
}

export interface WaiterItem {
  readonly position: number
  readonly permits: number
  readonly holder: string
  readonly waitedMs: number
}

/** Written by hand, as in the SDK: only what is shown is looked at, so that a newer service may add to it. */
function has<Name extends string>(item: unknown, numbers: readonly Name[]): item is Members & Record<Name, number> {
  return isRecord(item) && numbers.every((name) => typeof item[name] === 'number')
}

function isHeldBy(item: Members): item is Members & { readonly holder: string } {
  return typeof item['holder'] === 'string'
}

export function isLeaseItem(item: unknown): item is LeaseItem {
  return has(item, ['fence', 'permits', 'heldMs', 'expiresInMs']) && isHeldBy(item)
}

export function isWaiterItem(item: unknown): item is WaiterItem {
  return has(item, ['position', 'permits', 'waitedMs']) && isHeldBy(item)
}

/** All pages of a listing. */
export async function allOf<Item>(http: Http, path: string, isItem: (item: unknown) => item is Item): Promise<Item[]> {
  const all: Item[] = []
  let cursor: unknown = null
  do {
    const query = typeof cursor === 'string' ? `?cursor=${encodeURIComponent(cursor)}` : ''
    const page = await http.ask('GET', path + query)
    if (!isRecord(page) || !Array.isArray(page['items']) || !page['items'].every(isItem))
      throw new Failure(`${path} is not what a Signalbox service lists`, exitCodes.unexpectedReply)
    all.push(...page['items'])
    cursor = page['nextCursor']
  } while (cursor !== null)
  return all
}
