import { z } from 'zod'
import type { HttpConnection } from '../http-connection.js'
import { openConnections } from './http.js'
import { ttlMs } from './contestant.js'
import type { Contestant } from './contestant.js'

const lease = z.object({ ID: z.string() })
const lock = z.object({ key: z.string() })

/** Its lock service over its HTTP gateway; a connection and a lease a caller, as its own client's session has. */
export function etcdContestant(url: string): Contestant {
  return {
    name: 'etcd lock',
    isLock: true,
    usesRedis: false,
    open: async ({ semaphore, limit, callers }) => {
      const connections = await openConnections(url, callers)
      const leases = await Promise.all(connections.map(grant))
      return {
        acquires: connections.map((connection, caller) => async () => {
          const name = Buffer.from(`${semaphore}:${caller % limit}`).toString('base64')
          const answer = await connection.expect200('POST', '/v3/lock/lock', { name, lease: leases[caller] })
          const { key } = lock.parse(JSON.parse(answer.body))
          return () => connection.expect200('POST', '/v3/lock/unlock', { key })
        }),
        close: async () => {
          for (const connection of connections) connection.close()
        },
      }
    },
  }
}

async function grant(connection: HttpConnection): Promise<string> {
  const answer = await connection.expect200('POST', '/v3/lease/grant', { TTL: ttlMs / 1_000 })
  return lease.parse(JSON.parse(answer.body)).ID
}
