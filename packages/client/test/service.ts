import {
  createEngine,
  createMemoryStore,
  createRedisStore,
  type Engine,
  type EngineSettings,
  type SemaphoreState,
  type Store,
  type StoreSettings,
} from '@signalbox/engine'
import { buildApp, type AppSettings } from '@signalbox/semaphore-service'
import { randomUUID } from 'node:crypto'
import { inject, onTestFinished, vi } from 'vitest'
import { SignalboxClient, type ClientOptions, type SignalboxEvent } from '../src/index.js'

export interface Service {
  readonly url: string
  readonly port: number
  readonly engine: Engine
  readonly store: Store
  /** What the store itself says, past HTTP and SDK. Null: there is no such semaphore. */
  state(name: string): Promise<SemaphoreState | null>
  stop(): Promise<void>
}

export interface ServiceOptions {
  readonly store?: Store
  readonly engine?: Partial<EngineSettings>
  readonly storeSettings?: Partial<StoreSettings>
  readonly settings?: Partial<AppSettings>
}

/** The real service on a port of its own, over the memory store unless told otherwise; stopped when the test is over. */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const { storeSettings } = options
  const store = options.store ?? createMemoryStore(storeSettings === undefined ? {} : { settings: storeSettings })
  let isStopping = false
  const engine = createEngine({ store, settings: options.engine ?? {} })
  const app = buildApp({ engine, settings: options.settings ?? {}, isStopping: () => isStopping })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new Error('The service has no port')
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      isStopping = true
      engine.stop()
      // Node's fetch keeps connections on which it has sent nothing yet; a server that closes waits for those too.
      app.server.closeAllConnections()
      await app.close()
      await engine.close()
      await store.close()
    })()
    return stopped
  }
  onTestFinished(stop)
  // A Redis store connects in the background, and calls before it has are 503: an SDK that would not wait gives up on a busy machine.
  await vi.waitFor(() => store.ping(), 10_000)
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    engine,
    store,
    state: async (name) => {
      const reply = await store.inspect({ semaphore: name })
      return reply.kind === 'state' ? reply.state : null
    },
    stop,
  }
}

/** A store in the run's shared Redis, with keys of its own. */
export function redisStore(): Store {
  return createRedisStore({ url: inject('redisUrl'), keyPrefix: `sdk:${randomUUID()}:` })
}

export interface TestClient {
  readonly client: SignalboxClient
  readonly events: SignalboxEvent[]
  /** The events of one kind. */
  seen<Kind extends SignalboxEvent['kind']>(kind: Kind): Extract<SignalboxEvent, { kind: Kind }>[]
  readonly warnings: string[]
}

/** A client of the service, closed when the test is over. */
export function connect(service: { readonly url: string }, options: ClientOptions = {}): TestClient {
  const events: SignalboxEvent[] = []
  const warnings: string[] = []
  const client = new SignalboxClient({
    url: service.url,
    onEvent: (event) => events.push(event),
    logger: { warn: (message) => warnings.push(message) },
    ...options,
  })
  onTestFinished(() => client.close({ timeoutMs: 100 }))
  return {
    client,
    events,
    warnings,
    seen: <Kind extends SignalboxEvent['kind']>(kind: Kind) =>
      events.filter((event): event is Extract<SignalboxEvent, { kind: Kind }> => event.kind === kind),
  }
}
