// A report reads from a warehouse that bears three readers at once. So this route runs three times at once, over all replicas of this server
// together; who comes when it is full is told 429 and when to come back, instead of waiting and piling up.
//   WAREHOUSE_URL=https://warehouse.example PORT=8080 node server.mjs
import { BoundedSemaphore, SignalboxClient, UnavailableError } from '@signalbox/client'
import Fastify from 'fastify'

const warehouseUrl = process.env['WAREHOUSE_URL'] ?? 'http://127.0.0.1:8081'
// A caller of ours is waiting: better tell it after two seconds that nobody counts (of a service that hangs, two attempts are not answered), and
// hold its report up for no more than four when the permit cannot be given back, than after the usual ten and forty.
const client = new SignalboxClient({ timeoutMs: 1_000, retryForMs: 2_000 })
const readers = new BoundedSemaphore('warehouse-readers', 3, { client })
const retryAfterS = '2'

/**
 * A route's handler under a permit: gets the lease as its third argument.
 * @param {BoundedSemaphore} semaphore
 * @param {(request: import('fastify').FastifyRequest, reply: import('fastify').FastifyReply, lease: import('@signalbox/client').Lease) => unknown} handler
 * @returns {import('fastify').RouteHandlerMethod}
 */
function guarded(semaphore, handler) {
  return async (request, reply) => {
    const lease = await semaphore.tryAcquire()
    if (lease === null) {
      return reply.code(429).header('retry-after', retryAfterS).send({ error: 'All readers are busy.' })
    }
    try {
      return await handler(request, reply, lease)
    } finally {
      // Releases, and unlike release() never rejects: the report is made, whatever becomes of the permit (its ttl gives it back).
      await lease[Symbol.asyncDispose]()
    }
  }
}

const app = Fastify()

app.get(
  '/reports/:id',
  guarded(readers, async (request, _reply, lease) => {
    const { id } = /** @type {{ id: string }} */ (request.params)
    // Ends with the lease: were it lost, another reader would be let in beside this one.
    const response = await fetch(`${warehouseUrl}/rows/${encodeURIComponent(id)}`, { signal: lease.signal })
    return { id, rows: await response.json() }
  }),
)
app.setErrorHandler((error, _request, reply) => {
  // Down is not busy: the one who answers for this route wants to know.
  if (error instanceof UnavailableError) {
    return reply.code(503).header('retry-after', retryAfterS).send({ error: 'Nobody counts the readers just now.' })
  }
  throw error
})
app.addHook('onClose', () => client.close())

console.log(await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT'] ?? 0) }))
process.once('SIGTERM', () => void app.close())
