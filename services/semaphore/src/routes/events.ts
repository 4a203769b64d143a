import { ProblemError } from '../problem.js'
import { outsidePrefix, presentedKey } from '../plugins/access.js'
import { invalidField } from '../invalid-request.js'
import { EventStream } from '../live/event-stream.js'
import { SemaphoreView } from '../live/semaphore-view.js'
import { SemaphoresView } from '../live/semaphores-view.js'
import type { View } from '../live/view.js'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RequestOf } from '@signalbox/protocol'
import type { RouteContext } from './context.js'
import { narrower } from './listings.js'
import { defineRoute, type Route } from './route.js'
import { exampleSemaphore } from './semaphore-calls.js'

/** Streams are long: who finds none free now will not find one in a second. */
const fullRetryMs = 10_000

const description = `Server-sent events. Every connection begins with all there is (\`snapshot\`); there are no ids and nothing to resume.

Without \`semaphore\`, of all semaphores whose names begin with \`prefix\` (a key with a prefix sees its own):
- \`snapshot\`: \`{"semaphores": [S, …], "truncated": false}\`
- \`changes\`: \`{"changed": [S, …], "removed": ["name", …]}\`, about once a second, and only if something changed

With \`semaphore\`, of one, with who holds and who waits as \`…/leases\` and \`…/waiters\` list them, the first page of each:
- \`snapshot\`: \`{"semaphore": S, "leases": [], "waiters": [], "truncated": false}\`; again, about once a second, if something changed but durations that pass by themselves
- \`removed\`: \`{"name": "name"}\`: there is none; if it comes back, a \`snapshot\` follows

S is what \`GET /v1/semaphores\` lists, with \`grantsPerS\`: leases granted a second, by all replicas, over the last few seconds.

Both: \`unavailable\`: \`{"code": "STORE_UNAVAILABLE"}\` once, when the store does not answer; the next event is a \`snapshot\`, when it does. \`truncated\`: there is more than is shown. A comment at least every 15 s. The stream ends when the service stops, when the key is withdrawn, and when its reader leaves more than 1 MiB unread: connect again.`

const example = `retry: 2000

event: snapshot
data: ${JSON.stringify({ semaphores: [{ ...exampleSemaphore, grantsPerS: 1.5 }], truncated: false })}

`

export function eventsRoute(context: RouteContext): Route {
  const { live, settings, metrics, schemas, isStopping } = context
  return defineRoute({
    method: 'GET',
    path: '/v1/events',
    operationId: 'events',
    summary: 'Semaphores as they change',
    description,
    tag: 'semaphores',
    scope: 'inspect',
    isShedFirst: true,
    query: schemas.events,
    replies: [{ status: 200, description: 'The stream', contentType: 'text/event-stream', example }],
    codes: ['SHUTTING_DOWN', 'OVERLOADED'],
    handle(request, reply) {
      const { key, view } = shownTo(request, context)
      if (isStopping()) throw new ProblemError('SHUTTING_DOWN', 'This replica is stopping.', { retryAfterMs: 0 })
      if (live.isFull) {
        metrics.shed('event_streams')
        const detail = `This replica has as many live streams as it may (${settings.events.streamsMax}): try another replica.`
        throw new ProblemError('OVERLOADED', detail, { retryAfterMs: fullRetryMs })
      }
      reply.header('content-type', 'text/event-stream')
      // For nginx, which would hold events back until it has 8 KiB of them.
      reply.header('x-accel-buffering', 'no')
      // The answer to HEAD is over at once.
      if (request.method === 'HEAD') return reply.send()
      const stream = new EventStream(takeOver(reply), settings.events.unreadBytesMax)
      const leave = live.add(stream, key, view, mayRead(request, context))
      metrics.streaming(live.count)
      reply.raw.once('close', () => {
        leave()
        metrics.streaming(live.count)
      })
      return reply
    },
  })
}

/** What the caller asks to see, under a key that is the same for all who see the same. */
function shownTo(
  { query, keyPrefix }: { query: RequestOf<'events'>; keyPrefix: string },
  { engine, settings, schemas }: RouteContext,
): { key: string; view: () => View } {
  const { prefix: asked, semaphore } = query
  if (semaphore === undefined) {
    const prefix = narrower(asked ?? '', keyPrefix)
    const { semaphoresMax } = settings.events
    // No name has a space in it.
    return { key: `prefix ${prefix ?? ' none'}`, view: () => new SemaphoresView(engine, { prefix, semaphoresMax }) }
  }
  if (asked !== undefined) {
    throw invalidField('/prefix', 'The query parameter "prefix" says nothing where "semaphore" is given')
  }
  if (!semaphore.startsWith(keyPrefix)) {
    throw ProblemError.of(outsidePrefix())
  }
  const { pageSize } = schemas.page.parse({})
  return { key: `semaphore ${semaphore}`, view: () => new SemaphoreView(engine, { name: semaphore, pageSize }) }
}

/** Whether the key that opened the stream could open it now. */
function mayRead(request: FastifyRequest, { keyRing }: RouteContext): () => boolean {
  const { keyPrefix } = request
  return () => {
    if (!keyRing.isRequired) return true
    const key = presentedKey(request, keyRing)
    return key !== null && key.scopes.has('inspect') && key.prefix === keyPrefix
  }
}

/** Fastify would pipe a stream, which buffers once more and logs every reader that leaves. */
function takeOver(reply: FastifyReply): FastifyReply['raw'] {
  reply.hijack()
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined) reply.raw.setHeader(name, value)
  return reply.raw
}
