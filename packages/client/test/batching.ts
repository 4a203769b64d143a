import type { Fetch } from '../src/index.js'
import { connect, startService, type Service } from './service.js'
import { arrived, Wire } from './wire.js'

/** A client of a service of the test's own, and its wire. */
export async function start(options: Parameters<typeof connect>[1] = {}) {
  const service = await startService()
  const wire = new Wire()
  return { service, wire, ...connect(service, { fetch: wire.fetch, ...options }) }
}

export const times = <Value>(count: number, make: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_none, index) => make(index))

export async function usedOf(service: Service, name = 'reports'): Promise<number | undefined> {
  return (await service.state(name))?.used
}

/** A fetch that answers batches as the test says, and everything else as the service does. */
export function answering(batch: (calls: Record<string, unknown>[]) => { status?: number; body: unknown }): Fetch {
  return async (url, request) => {
    if (!url.endsWith('/v1/batch')) return await fetch(url, request)
    const { calls } = JSON.parse(request.body ?? '') as { calls: Record<string, unknown>[] }
    const { status = 200, body } = batch(calls)
    return arrived(status, new Headers(), typeof body === 'string' ? body : JSON.stringify(body))
  }
}
