import { randomUUID } from 'node:crypto'
import { HttpConnection } from '../http-connection.js'
import { ttlMs } from './contestant.js'
import type { Contestant } from './contestant.js'

/** One connection a caller, as any HTTP client would call; `isFloor`: what is there answers without a semaphore behind it. */
export function httpContestant(name: string, url: string, isFloor = false): Contestant {
  return {
    name,
    isLock: false,
    usesRedis: !isFloor,
    open: async ({ semaphore, limit, callers }) => {
      const connections = await openConnections(url, callers)
      const path = `/v1/semaphores/${semaphore}`
      if (!isFloor) await connections[0]?.expect200('PUT', path, { limit })
      return {
        acquires: connections.map((connection) => async () => {
          const leaseId = randomUUID()
          await connection.expect200('POST', `${path}/acquire`, { leaseId, ttlMs, waitMs: 24_000 })
          return () => connection.expect200('POST', `${path}/release`, { leaseId })
        }),
        close: async () => {
          for (const connection of connections) connection.close()
        },
      }
    },
  }
}

/** Some hundred at a time: a listening socket's backlog is not endless. */
export async function openConnections(url: string, count: number): Promise<HttpConnection[]> {
  const connections: HttpConnection[] = []
  while (connections.length < count) {
    const more = Array.from({ length: Math.min(200, count - connections.length) }, () => HttpConnection.open(url))
    connections.push(...(await Promise.all(more)))
  }
  return connections
}
