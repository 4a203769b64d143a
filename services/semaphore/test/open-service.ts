import { randomUUID } from 'node:crypto'
import { text } from 'node:stream/consumers'
import {
  createEngine,
  createMemoryStore,
  type Engine,
  type EngineSettings,
  type Store,
  type StoreSettings,
} from '@signalbox/engine'
import {
  buildApp,
  createMetrics,
  type Metrics,
  defaultAppSettings,
  type KeyRing,
  makeApiKey,
  parseApiKeys,
  type AppSettings,
  type Scope,
} from '@signalbox/semaphore-service'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { onTestFinished } from 'vitest'

export interface OpenOptions {
  readonly settings?: Partial<AppSettings>
  readonly engine?: Partial<EngineSettings>
  readonly storeSettings?: Partial<StoreSettings>
  readonly store?: Store
  readonly clock?: () => number
  readonly isStopping?: () => boolean
  readonly dashboard?: string
  readonly keyRing?: KeyRing
  readonly tls?: Parameters<typeof buildApp>[0]['tls']
  readonly logger?: NonNullable<Parameters<typeof buildApp>[0]['logger']>
}

export interface OpenService {
  readonly app: FastifyInstance
  readonly engine: Engine
  readonly store: Store
  readonly metrics: Metrics
  call(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    payload?: unknown,
    headers?: Record<string, string>,
  ): Promise<LightMyRequestResponse>
  acquire(name: string, body?: Record<string, unknown>): Promise<LightMyRequestResponse>
  /** Listens on a free port, for what a socket is needed for. */
  listen(): Promise<number>
}

/** A service of the test's own, closed when the test (or what `whenDone` says) is over. */
export function openService(
  options: OpenOptions = {},
  whenDone: (close: () => Promise<void>) => void = onTestFinished,
): OpenService {
  const metrics = createMetrics()
  const { observer } = metrics
  const store =
    options.store ??
    createMemoryStore({
      observer,
      ...(options.storeSettings === undefined ? {} : { settings: options.storeSettings }),
      ...(options.clock === undefined ? {} : { clock: options.clock }),
    })
  const engine = createEngine({ store, observer, settings: options.engine ?? {} })
  const app = buildApp({
    engine,
    metrics,
    // A busy machine is no reason to turn a test away.
    settings: { load: { ...defaultAppSettings.load, eventLoopDelayMsMax: 60_000 }, ...options.settings },
    ...(options.isStopping === undefined ? {} : { isStopping: options.isStopping }),
    ...(options.keyRing === undefined ? {} : { keyRing: options.keyRing }),
    tls: options.tls ?? null,
    dashboard: options.dashboard ?? null,
    ...(options.logger === undefined ? {} : { logger: options.logger }),
  })
  whenDone(async () => {
    engine.stop()
    app.server.closeAllConnections()
    await app.close()
    await engine.close()
    await store.close()
  })
  // Asynchronous, because `inject` begins only when somebody waits for it.
  const call: OpenService['call'] = async (method, url, payload, headers = {}) => {
    const request: InjectOptions = { method, url, headers }
    if (payload !== undefined) {
      request.payload = JSON.stringify(payload)
      request.headers = { 'content-type': 'application/json', ...headers }
    }
    return url.startsWith('/v1/events') ? await beginning(app, request) : await app.inject(request)
  }
  return {
    app,
    engine,
    store,
    metrics,
    call,
    acquire: (name, body) => call('POST', `/v1/semaphores/${name}/acquire`, body),
    async listen() {
      await app.listen({ host: '127.0.0.1', port: 0 })
      const address = app.server.address()
      if (address === null || typeof address === 'string') throw new Error('no port')
      return address.port
    },
  }
}

/** The answer to a request for a live stream: where it is one, its head alone, for it has no end. */
async function beginning(app: FastifyInstance, request: InjectOptions): Promise<LightMyRequestResponse> {
  const response = await app.inject({ ...request, payloadAsStream: true })
  if (response.statusCode === 200) {
    response.raw.res.destroy()
    return response
  }
  const body = await text(response.stream())
  return { ...response, body, json: (): never => JSON.parse(body) as never }
}

/** A key of the test's own, and what the service stores of it. */
export function apiKey(scopes: readonly Scope[], prefix = '') {
  const { key, line } = makeApiKey({ name: 'test', scopes, prefix })
  return { headers: { authorization: `Bearer ${key}` }, stored: parseApiKeys(line), key, line }
}

/** What a problem document has at least. */
export interface ProblemBody {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly requestId: string
  readonly retryAfterMs?: number
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
  readonly [member: string]: unknown
}

export const leaseId = () => randomUUID()
