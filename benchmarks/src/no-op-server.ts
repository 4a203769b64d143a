import { acquireReply, defaultLimits, releaseReply, requestSchemas } from '@signalbox/protocol'
import Fastify from 'fastify'
import { z } from 'zod'

/*
 * A program: Fastify with the two routes of an acquire and a release, their validation and serialisation, and nothing behind them. What is
 * left of its speed is what the semaphore may cost.
 */
const app = Fastify()
const schemas = requestSchemas(defaultLimits)

function schemaOf(body: z.ZodType, reply: z.ZodType): { body: object; response: Record<number, object> } {
  return {
    body: z.toJSONSchema(body, { target: 'draft-7', io: 'input' }),
    response: { 200: z.toJSONSchema(reply, { target: 'draft-7', io: 'output' }) },
  }
}

app.post<{ Body: { leaseId: string }; Params: { name: string } }>(
  '/v1/semaphores/:name/acquire',
  { schema: schemaOf(schemas.acquire, acquireReply) },
  async ({ body: { leaseId }, params: { name } }) => ({
    state: 'held',
    leaseId,
    semaphore: name,
    permits: 1,
    fence: 1_767_225_600_000_000,
    ttlMs: 30_000,
    expiresInMs: 30_000,
    waitedMs: 0,
    expiresAt: '2026-01-01T00:00:30.000Z',
  }),
)
app.post<{ Body: { leaseId: string } }>(
  '/v1/semaphores/:name/release',
  { schema: schemaOf(schemas.release, releaseReply) },
  async ({ body: { leaseId } }) => ({ state: 'released', leaseId, permits: 1 }),
)
process.send?.(await app.listen({ host: '127.0.0.1', port: 0 }))
