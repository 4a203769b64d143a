import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { buildApp } from '@signalbox/semaphore-service'
import { type Factory, semaphoreSuite } from '../src/index.js'
import { httpSubject, type Send } from './http-subject.js'
import { openServices } from './service-place.js'

/**
 * Requests without a port. An injected request has no connection that could close; so the service is told of a close as a connection tells
 * it, by an event of the socket, unless the answer was written before.
 */
function sendInto(app: ReturnType<typeof buildApp>): Send {
  const open = new Map<string, { request: IncomingMessage; response: ServerResponse }>()
  app.addHook('onRequest', (request, reply, done) => {
    open.set(request.id, { request: request.raw, response: reply.raw })
    reply.raw.once('finish', () => open.delete(request.id))
    done()
  })
  return ({ method, path, body }) => {
    const id = randomUUID()
    const headers = { 'x-request-id': id, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
    const payload = body === undefined ? {} : { payload: JSON.stringify(body) }
    const reply = app.inject({ method, url: path, headers, ...payload })
    let tellClosed: () => void
    const closed = new Promise<void>((resolve) => (tellClosed = resolve))
    return {
      answer: reply.then(({ statusCode, payload: text }) => {
        return { status: statusCode, body: text === '' ? null : (JSON.parse(text) as unknown) }
      }),
      closed,
      close() {
        const exchange = open.get(id)
        if (exchange === undefined || exchange.response.writableFinished) return
        open.delete(id)
        exchange.request.socket.emit('close', false)
        tellClosed()
      },
    }
  }
}

const factory: Factory = {
  lacks: [],
  async open(settings) {
    const { apps, store, close } = openServices(settings)
    const [one, other] = apps.map((app) => httpSubject(sendInto(app)))
    if (one === undefined || other === undefined) throw new Error('two apps were made')
    await Promise.all(apps.map((app) => app.ready()))
    return { one, other, residue: async () => store.size, close }
  },
}

semaphoreSuite('over HTTP', factory)
