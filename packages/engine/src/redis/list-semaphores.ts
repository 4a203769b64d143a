import type { PageOf, SemaphoreState, Store } from '../store.js'
import { decodeCursor, encodeCursor } from './cursor.js'
import type { Keyspace } from './keyspace.js'
import { positionForm } from './scan-primaries.js'
import type { Scan } from './scan-primaries.js'

export interface ListSemaphoresOptions {
  readonly scan: Scan
  readonly keyspace: Keyspace
  readonly inspect: Store['inspect']
}

const cursorForm = new RegExp(`^(?:${positionForm})(?: [A-Za-z0-9][\\w.:-]*)?$`)

/** Steps of SCAN in one call: in a store full of other keys a page stays empty rather than keep its caller waiting. */
const stepsMax = 20

/**
 * A step of SCAN finds as many names as it happens to find, a page has room for `pageSize`. So a cursor is where the step began and
 * the last name given out of it: the next page makes that step again and goes on behind that name. No list of all names is kept
 * anywhere: it would be one key, on one node of a cluster, written by every creation.
 */
export function listSemaphores({ scan, keyspace, inspect }: ListSemaphoresOptions): Store['semaphores'] {
  async function statesOf(names: readonly string[]): Promise<readonly SemaphoreState[]> {
    const replies = await Promise.all(names.map((semaphore) => inspect({ semaphore })))
    return replies.flatMap((reply) => (reply.kind === 'state' ? [reply.state] : []))
  }

  return async ({ prefix, cursor, pageSize }): Promise<PageOf<SemaphoreState>> => {
    const start = cursor === null ? ['0'] : decodeCursor('semaphores', cursorForm, cursor)
    let [at = '0', lastName = ''] = start
    const items: SemaphoreState[] = []
    for (let step = 0; step < stepsMax; step += 1) {
      const { at: madeAt, next, keys } = await scan(at, keyspace.statesBeginning(prefix))
      // Another server finds other names in its first step: what was given out of a step of the one before says nothing of them.
      const after = madeAt === at ? lastName : ''
      at = madeAt
      const names = [...new Set(keys.map((key) => keyspace.nameOf(key)))].filter((name) => name > after).sort()
      while (names.length > 0) {
        if (items.length === pageSize) return { items, nextCursor: encodeCursor('semaphores', at, lastName) }
        const some = names.splice(0, pageSize - items.length)
        lastName = some.at(-1) ?? lastName
        // Those that are gone since the scan leave room for more.
        items.push(...(await statesOf(some)))
      }
      if (next === '0') return { items, nextCursor: null }
      at = next
      lastName = ''
      if (items.length === pageSize) break
    }
    return { items, nextCursor: encodeCursor('semaphores', at) }
  }
}
