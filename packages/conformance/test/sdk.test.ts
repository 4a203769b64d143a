import { randomUUID } from 'node:crypto'
import { type Lease as SdkLease, SignalboxClient, SignalboxError } from '@signalbox/client'
import { type AcquireOutcome, type Factory, type Opened, semaphoreSuite, type Subject } from '../src/index.js'
import { httpSubject, type Send } from './http-subject.js'
import { openServices } from './service-place.js'

function kindOf(error: unknown): string {
  if (error instanceof SignalboxError) return error.code.toLowerCase()
  throw error
}

/** Operators' calls, which the SDK does not make, go by plain fetch. */
function sendTo(url: string): Send {
  return ({ method, path, body }) => {
    const init =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const answer = fetch(`${url}${path}`, { method, ...init }).then(async (response) => {
      const text = await response.text()
      return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) }
    })
    return { answer, closed: new Promise<void>(() => undefined), close: () => undefined }
  }
}

/**
 * A client as a subject. Its leases are detached at once: a lease that renews itself outlives every deadline that the suite
 * waits for, and the renewal of the SDK has tests of its own.
 */
function sdkSubject(client: SignalboxClient, url: string, beside: () => void): Subject {
  const leases = new Map<string, SdkLease>()

  function acquire({ semaphore, permits, ttlMs, waitMs, holder, create }: Parameters<Subject['acquire']>[0]): Opened {
    const aborting = new AbortController()
    const { limit = 1, bounded = true, onConflict = 'keep' as const } = create ?? {}
    const subject = bounded
      ? client.boundedSemaphore(semaphore, limit, { onConflict })
      : client.semaphore(semaphore, limit, { onConflict })
    const askedAtMs = performance.now()
    const options = { permits, ttlMs, waitMs, holder, signal: aborting.signal }
    beside()
    const outcome = subject.acquire(options).then(
      (lease): AcquireOutcome => {
        lease.detach()
        leases.set(lease.id, lease)
        const { id: leaseId, fence, expiresInMs } = lease
        const waitedMs = performance.now() - askedAtMs
        return {
          kind: 'granted',
          lease: { leaseId, permits: lease.permits, fence, ttlMs, expiresInMs, waitedMs, limitMismatch: null },
        }
      },
      (error: unknown): AcquireOutcome => {
        if (error === aborting.signal.reason) return { kind: 'closed' }
        return { kind: kindOf(error) } as AcquireOutcome
      },
    )
    return { outcome, close: () => aborting.abort(new Error('the suite closed it')) }
  }

  async function leaseOf(semaphore: string, leaseId: string): Promise<SdkLease> {
    const own = leases.get(leaseId)
    if (own?.semaphore === semaphore) return own
    const adopted = await client.semaphore(semaphore).adopt(leaseId, { ttlMs: 60_000 })
    adopted.detach()
    return adopted
  }

  return {
    ...httpSubject(sendTo(url)),
    acquire,
    release: async ({ semaphore, leaseId }) => {
      try {
        const lease = await leaseOf(semaphore, leaseId)
        leases.delete(leaseId)
        beside()
        await lease.release()
        return { kind: 'released', permits: lease.permits }
      } catch (error) {
        return { kind: kindOf(error) } as { kind: 'lease_not_held' }
      }
    },
    renew: async ({ semaphore, leaseId, ttlMs }) => {
      try {
        const lease = await leaseOf(semaphore, leaseId)
        beside()
        await lease.renew(ttlMs)
        return { kind: 'renewed', expiresInMs: lease.expiresInMs, fence: lease.fence }
      } catch (error) {
        return { kind: kindOf(error) } as { kind: 'lease_not_held' }
      }
    },
    inspect: async (name) => {
      try {
        return { kind: 'state', state: await client.semaphore(name).inspect() }
      } catch (error) {
        return { kind: kindOf(error) } as { kind: 'semaphore_not_found' }
      }
    },
  }
}

/** A call that changes nothing: the one made after it in the same turn is not alone, so that it goes by a batch. */
function callBeside(client: SignalboxClient): void {
  client
    .semaphore('beside')
    .adopt(randomUUID())
    .catch(() => undefined)
}

const factoryOf = (beside: (client: SignalboxClient) => void): Factory => ({
  // Of residue because a client retires what it gives up: its id is remembered for a minute.
  lacks: ['lease ids', 'acquire without create', 'still waiting', 'limit mismatch', 'residue'],
  async open(settings) {
    const { apps, store, close } = openServices(settings)
    const urls = await Promise.all(apps.map((app) => app.listen({ host: '127.0.0.1', port: 0 })))
    const clients = urls.map((url) => new SignalboxClient({ url, logger: { warn: () => undefined } }))
    const [one, other] = clients.map((client, index) => sdkSubject(client, urls[index] ?? '', () => beside(client)))
    if (one === undefined || other === undefined) throw new Error('two clients were made')
    return {
      one,
      other,
      residue: async () => store.size,
      async close() {
        await Promise.all(clients.map((client) => client.close({ timeoutMs: 200 })))
        await close()
      },
    }
  },
})

semaphoreSuite(
  'through the SDK',
  factoryOf(() => undefined),
)
semaphoreSuite('through the SDK, in batches', factoryOf(callBeside))
