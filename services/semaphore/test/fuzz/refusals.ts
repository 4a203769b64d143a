import { randomUUID } from 'node:crypto'
import type { Store } from '@signalbox/engine'
import type { Redis } from 'ioredis'
import { KeptConnection } from './connections.js'
import type { Target } from './target.js'
import type { Finding } from './campaign.js'
import { bytesOf, shownBytes, type WireAnswer, type WireRequest } from './wire.js'

/** Refused for what the request is, whatever the store holds. */
const stateless = new Set([
  'INVALID_REQUEST',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'ROUTE_NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
])
const batch = 200

/** Keeps what was refused, so that it can be sent again to where it could do harm. */
export class Refusals {
  readonly requests: WireRequest[] = []
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  readonly note = (request: WireRequest, answer: WireAnswer): void => {
    if (this.requests.length >= this.#max || answer.status < 400 || !stateless.has(codeOf(answer))) return
    // These two depend on the store: what the limit is now, and who made the cursor.
    if (/would make the limit|must be the nextCursor/.test(answer.body)) return
    this.requests.push(request)
  }
}

function codeOf({ body }: WireAnswer): string {
  return /"code":"([A-Z_]+)"/.exec(body)?.[1] ?? ''
}

/** Semaphores with familiar names, held and not, that nothing changes by itself meanwhile. */
export async function furnish(store: Store): Promise<void> {
  for (const [index, semaphore] of ['a', 'b', 'c', 'jobs:1', 'constructor'].entries()) {
    await store.configure({ semaphore, limit: 3, bounded: index % 2 === 0 })
    await store.acquire({
      semaphore,
      leaseId: index === 0 ? '00000000-0000-4000-8000-000000000010' : randomUUID(),
      permits: 1 + (index % 3),
      ttlMs: 3_600_000,
      enqueue: false,
      attachment: { replica: 'furnisher', number: index },
      holder: 'furnisher',
      create: null,
    })
  }
}

/** Sends them in batches, and compares everything under the prefix before and after each, byte by byte. */
export async function sendRefusals(
  target: Target,
  requests: readonly WireRequest[],
  { redis, keyPrefix }: { readonly redis: Redis; readonly keyPrefix: string },
): Promise<Finding[]> {
  const findings: Finding[] = []
  const connections = Array.from({ length: 16 }, () => new KeptConnection(target.port))
  try {
    for (let first = 0; first < requests.length; first += batch) {
      const sent = requests.slice(first, first + batch)
      const before = await snapshot(redis, keyPrefix)
      const refuse = async (connection: KeptConnection, worker: number) => {
        for (const request of sent.filter((_one, index) => index % connections.length === worker)) {
          const [answer] = (await connection.ask(request)).answers
          if (answer !== undefined && (request.method === 'HEAD' || stateless.has(codeOf(answer)))) continue
          const wrong = `was refused elsewhere, but here ${answer?.status ?? 'not answered'} ${answer?.body ?? ''}`
          findings.push({ wrong, sent: shownBytes(bytesOf(request)) })
        }
      }
      await Promise.all(connections.map(refuse))
      const changed = differences(before, await snapshot(redis, keyPrefix))
      if (changed.length > 0)
        findings.push({
          wrong: `refused, and yet changed ${changed.join(', ')}`,
          sent: `one of requests ${first} to ${first + sent.length - 1}`,
        })
    }
    return findings
  } finally {
    for (const connection of connections) connection.close()
  }
}

async function snapshot(redis: Redis, keyPrefix: string): Promise<ReadonlyMap<string, string>> {
  const dumps = new Map<string, string>()
  let cursor = '0'
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${keyPrefix}*`, 'COUNT', 1_000)
    for (const key of keys) dumps.set(key, (await redis.dumpBuffer(key)).toString('hex'))
    cursor = next
  } while (cursor !== '0')
  return dumps
}

function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key) !== after.get(key))
}
