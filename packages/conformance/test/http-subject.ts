import type { SemaphoreState } from '@signalbox/engine'
import { errorTable, type ErrorCode } from '@signalbox/protocol'
import type { AcquireOutcome, Lease, ListedLease, ListedWaiter, Opened, Page, Subject } from '../src/index.js'

export interface Answer {
  readonly status: number
  /** As parsed; null for an empty body. */
  readonly body: unknown
}

export interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly body?: unknown
}

/** Sends one request; `closed` resolves if its connection was closed before the answer was written. */
export type Send = (exchange: Exchange) => {
  readonly answer: Promise<Answer>
  readonly closed: Promise<void>
  close(): void
}

/** The code of a problem document in the words of the suite, `PERMITS_UNAVAILABLE` as `permits_unavailable`. */
function kindIn({ status, body }: Answer): string {
  const code: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'code') : undefined
  if (typeof code !== 'string' || !(code in errorTable)) throw new Error(`${status} ${JSON.stringify(body)}`)
  // Just looked up among the table's keys.
  if (errorTable[code as ErrorCode].status !== status) throw new Error(`${code} with status ${status}`)
  return code.toLowerCase()
}

/** HTTP as a subject. Bodies are what the service's schemas say (its own tests check that), so they are taken at their word here. */
export function httpSubject(send: Send): Subject {
  const ask = async (exchange: Exchange): Promise<Answer> => send(exchange).answer
  const pathOf = (semaphore: string, rest = ''): string => `/v1/semaphores/${encodeURIComponent(semaphore)}${rest}`

  function acquire({ semaphore, create, ...body }: Parameters<Subject['acquire']>[0]): Opened {
    const path = pathOf(semaphore, '/acquire')
    const sent = send({ method: 'POST', path, body: create === null ? body : { ...body, create } })
    const answered = sent.answer.then((answer): AcquireOutcome => {
      if (answer.status !== 200) return { ...(answer.body as object), kind: kindIn(answer) } as AcquireOutcome
      const lease = answer.body as Omit<Lease, 'limitMismatch'> & { limitMismatch?: { limit: number } }
      return { kind: 'granted', lease: { ...lease, limitMismatch: lease.limitMismatch?.limit ?? null } }
    })
    const outcome = Promise.race([answered, sent.closed.then((): AcquireOutcome => ({ kind: 'closed' }))])
    return { outcome: outcome.then(onlyWhatIsCompared), close: () => sent.close() }
  }

  async function page<Item>(path: string, query: Record<string, string | number | null>): Promise<Page<Item>> {
    const given = Object.entries(query).flatMap(([name, value]) => (value === null ? [] : [[name, String(value)]]))
    const answer = await ask({
      method: 'GET',
      path: `${path}?${new URLSearchParams(Object.fromEntries(given) as Record<string, string>).toString()}`,
    })
    if (answer.status === 200) return { ...(answer.body as Omit<Page<Item>, 'kind'>), kind: 'page' }
    const kind = kindIn(answer)
    if (kind !== 'semaphore_not_found') throw new Error(kind)
    return { kind } as never
  }

  return {
    acquire,
    release: async ({ semaphore, ...body }) => {
      const answer = await ask({ method: 'POST', path: pathOf(semaphore, '/release'), body })
      if (answer.status !== 200) return { kind: kindIn(answer) } as { kind: 'lease_not_held' }
      const { state, permits } = answer.body as { state: 'released' | 'cancelled'; permits: number }
      return { kind: state, permits }
    },
    renew: async ({ semaphore, ...body }) => {
      const answer = await ask({ method: 'POST', path: pathOf(semaphore, '/renew'), body })
      if (answer.status !== 200) return { kind: kindIn(answer) } as { kind: 'lease_not_held' }
      const { expiresInMs, fence } = answer.body as Lease
      return { kind: 'renewed', expiresInMs, fence }
    },
    configure: async ({ semaphore, limit, bounded }) => {
      const body = bounded === null ? { limit } : { limit, bounded }
      const answer = await ask({ method: 'PUT', path: pathOf(semaphore), body })
      if (answer.status >= 300) throw new Error(kindIn(answer))
      return { kind: answer.status === 201 ? 'created' : 'configured' }
    },
    addPermits: async ({ semaphore, ...body }) => {
      const answer = await ask({ method: 'POST', path: pathOf(semaphore, '/add-permits'), body })
      if (answer.status === 200) return { kind: 'state' }
      const kind = kindIn(answer)
      return { kind: kind === 'invalid_request' ? 'limit_too_large' : kind } as { kind: 'limit_too_large' }
    },
    remove: async ({ semaphore, force }) => {
      const answer = await ask({ method: 'DELETE', path: pathOf(semaphore, `?force=${force}`) })
      if (answer.status === 204) return { kind: 'removed' }
      const kind = kindIn(answer)
      return { kind: kind === 'semaphore_in_use' ? 'in_use' : kind } as { kind: 'in_use' }
    },
    inspect: async (semaphore) => {
      const answer = await ask({ method: 'GET', path: pathOf(semaphore) })
      if (answer.status !== 200) return { kind: kindIn(answer) } as { kind: 'semaphore_not_found' }
      return { kind: 'state', state: answer.body as SemaphoreState }
    },
    leases: ({ semaphore, ...query }) => page<ListedLease>(pathOf(semaphore, '/leases'), query),
    waiters: ({ semaphore, ...query }) => page<ListedWaiter>(pathOf(semaphore, '/waiters'), query),
    revoke: async ({ semaphore, fence }) => {
      const answer = await ask({ method: 'DELETE', path: pathOf(semaphore, `/leases/${fence}`) })
      if (answer.status !== 200) return { kind: kindIn(answer) } as { kind: 'lease_not_held' }
      return { kind: 'released', permits: (answer.body as Lease).permits }
    },
    semaphores: (query) => page<SemaphoreState>('/v1/semaphores', query),
  }
}

function onlyWhatIsCompared(outcome: AcquireOutcome): AcquireOutcome {
  if (outcome.kind === 'granted') return outcome
  if (outcome.kind === 'still_waiting') return { kind: outcome.kind, position: outcome.position }
  return { kind: outcome.kind }
}
