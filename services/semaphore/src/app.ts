import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Engine } from '@signalbox/engine'
import { requestSchemas } from '@signalbox/protocol'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { invalidRequest } from './invalid-request.js'
import { createHttpServer } from './http-server.js'
import { KeyRing } from './key-ring.js'
import { Load } from './load.js'
import { LiveStreams } from './live/live-streams.js'
import { createMetrics, type Metrics } from './metrics.js'
import { OpenAttempts } from './open-attempts.js'
import { screenRequest } from './plugins/access.js'
import { serveDashboard } from './plugins/dashboard.js'
import { readJson } from './plugins/json-body.js'
import { answerClientError, refuseExpectation, sayContinue, sendError } from './plugins/problems.js'
import { unroutedRefusal } from './plugins/unrouted.js'
import { allRoutes } from './routes/all.js'
import { registerRoute } from './routes/register.js'
import { defaultAppSettings, type AppSettings } from './settings.js'
import type { TlsPair } from './tls-files.js'

export interface AppOptions {
  readonly engine: Engine
  readonly settings?: Partial<AppSettings>
  /** Left out: the keys of the settings, for good. */
  readonly keyRing?: KeyRing
  /** Null or left out: plain HTTP. */
  readonly tls?: TlsPair | null
  /** Left out: one of its own, so that several apps can live in one process. */
  readonly metrics?: Metrics
  readonly logger?: FastifyBaseLogger
  /** The folder of the built dashboard, served at `/`; null or left out: nothing is. */
  readonly dashboard?: string | null
  /** Adds hooks of its own, before all others. */
  readonly instrument?: (app: FastifyInstance) => void
  /** While true, /readyz says no and connections are closed after their answer. */
  readonly isStopping?: () => boolean
}

/** Not a key that someone put into the wrong header: the request id is logged. */
const requestIdPattern = /^(?!sbx_)[A-Za-z0-9._-]{1,64}$/

/** The HTTP service over an engine, without a port: `listen` or `inject` it. Closing it does not close the engine. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { engine, metrics = createMetrics(), isStopping = () => false, dashboard = null } = options
  const settings = { ...defaultAppSettings, ...options.settings }
  const { keyRing = new KeyRing(settings.apiKeys) } = options
  const openAttempts = new OpenAttempts()
  const load = new Load(settings.load, () => engine.storeCalls)
  const app = createServer(options, settings, openAttempts)
  const { logger: log = app.log } = options
  const schemas = requestSchemas(settings.limits)
  const live = new LiveStreams(settings.events, log)
  const routes = allRoutes({ engine, schemas, settings, keyRing, live, load, log, metrics, openAttempts, isStopping })
  const refuseUnrouted = unroutedRefusal(routes, metrics)

  app.decorateRequest('keyPrefix', '')
  app.decorateRequest('keyName', null)
  app.decorateRequest('keyScopes', null)
  app.decorateRequest('audited', null)
  app.decorateRequest('arrivedAtMs', 0)
  app.decorateRequest('refusedWith', null)
  options.instrument?.(app)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, readJson)
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, log))
  // One hook with all that every request needs: each further one would be paid by every acquire.
  app.addHook('onRequest', (request, reply, done) => {
    request.arrivedAtMs = performance.now()
    stamp(request, reply)
    if (isStopping()) reply.header('connection', 'close')
    const refusal = screenRequest(request, keyRing.isRequired || settings.insecure)
    if (refusal !== null) done(refusal)
    else if (!request.is404) done()
    // Here, before the body is read: a wrong path must not be answered with what is wrong about the body.
    else done(refuseUnrouted(request, reply))
  })
  for (const route of routes) registerRoute(app, route, { keyRing, metrics, load, log })
  if (dashboard !== null) serveDashboard(app, dashboard, metrics)
  app.server.on('checkExpectation', refuseExpectation)
  sayContinue(app.server)
  // Before the connections are waited for: streams end by nothing else.
  app.addHook('preClose', (done) => {
    live.end()
    done()
  })
  app.addHook('onClose', () => {
    load.stop()
    metrics.close()
  })
  return app
}

/** What every reply carries, whatever becomes of the request. */
function stamp(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id).header('cache-control', 'no-store')
}

function createServer(
  { logger: log, tls = null }: AppOptions,
  settings: AppSettings,
  openAttempts: OpenAttempts,
): FastifyInstance {
  // Without a logger of Fastify's own: it would be made for every request, with listeners on every answer, more than the validation
  // takes. The few lines that are written name the request id.
  const app = Fastify({
    serverFactory: (handler) => createHttpServer(handler, settings, tls),
    genReqId: requestIdOf,
    bodyLimit: settings.bodyBytesMax,
    // Requests that arrive while connections drain are answered by their handlers, as problem documents like all others.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1_024 },
    ajv: {
      customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: true, allErrors: true, verbose: true },
    },
    schemaErrorFormatter: invalidRequest,
    frameworkErrors: (error, request, reply) => {
      stamp(request, reply)
      sendError(error, request, reply, log ?? app.log)
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket, openAttempts),
  })
  return app
}

function requestIdOf(raw: IncomingMessage): string {
  const given = raw.headers['x-request-id']
  return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID()
}
