import { makeApiKey, type Scope } from '@signalbox/semaphore-service'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { startService } from '../../../scripts/service.mjs'

export interface State {
  readonly limit: number
  readonly used: number
  readonly waiting: number
  readonly oldestWaitMs: number
}

export interface Service {
  readonly url: string
  stop(): Promise<void>
  /** SIGKILL. */
  kill(): void
  /** Null: there is no such semaphore. */
  state(semaphore: string): Promise<State | null>
  leases(semaphore: string): Promise<readonly { readonly fence: number; readonly heldMs: number }[]>
  send(method: string, path: string, body?: unknown): Promise<unknown>
}

/** A key, and the line for `SIGNALBOX_API_KEYS`. */
export function apiKeyLine(scopes: readonly Scope[], prefix = ''): { readonly key: string; readonly line: string } {
  return makeApiKey({ name: 'test', scopes, prefix })
}

/** The built service in a process of its own, on the memory store. */
export async function startServing(env: Record<string, string> = {}): Promise<Service> {
  const { url, pid, stop } = await startService({ PATH: '', LOG_LEVEL: 'fatal', SIGNALBOX_CAP_MS: '500', ...env })
  const send = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const json = { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const response = await fetch(url + path, { method, ...(body === undefined ? {} : json) })
    return response.status === 204 || response.status === 404 ? null : response.json()
  }
  return {
    url,
    stop,
    kill: () => process.kill(pid, 'SIGKILL'),
    send,
    // The service's own schema serialised it.
    leases: async (semaphore) => {
      const page = await send('GET', `/v1/semaphores/${semaphore}/leases`)
      return (page as { items: { fence: number; heldMs: number }[] }).items
    },
    state: (semaphore) => send('GET', `/v1/semaphores/${semaphore}`) as Promise<State | null>,
  }
}

/** The same, stopped with the test. */
export async function serve(env: Record<string, string> = {}): Promise<Service> {
  const service = await startServing(env)
  onTestFinished(() => service.stop())
  return service
}

/** One for all tests of a file, each of which has its own semaphores. */
export function serveAll(env: Record<string, string> = {}): () => Service {
  let service: Service | undefined
  beforeAll(async () => {
    service = await startServing(env)
  })
  afterAll(() => service?.stop())
  return () => {
    if (service === undefined) throw new Error('the service has not started')
    return service
  }
}

let names = 0

/** A name of its own for each test. */
export function freshName(): string {
  names += 1
  return `job-${String(names)}`
}
