import { SignalboxClient, type ClientOptions } from '@signalbox/client'
import { createEngine, createMemoryStore } from '@signalbox/engine'
import { buildApp, createMetrics, defaultAppSettings } from '@signalbox/semaphore-service'
import { TestClock } from './test-clock.js'
import { Wire } from './wire.js'

export type ConnectOptions = Omit<ClientOptions, 'url' | 'fetch' | 'clock'>

/** A Signalbox service of the test's own. */
export interface Signalbox extends AsyncDisposable {
  /** Connected to it. Hand it to what is tested: `new Semaphore(name, value, { client })`, or `client.semaphore(name, value)`. */
  readonly client: SignalboxClient
  /** Where `fetch` finds it. Nothing listens there. */
  readonly url: string
  /** Reaches the service, for the calls that the SDK does not make: ``t.fetch(`${t.url}/v1/semaphores/reports/leases`)``. */
  readonly fetch: typeof globalThis.fetch
  /** Another client: what a second process would be, with an account of leases of its own. */
  connect(options?: ConnectOptions): SignalboxClient
  /**
   * Moves the time of the service, of its store and of all clients by so many ms, as one. Leases are renewed and run out, waits end and time-outs
   * strike in the order of their times, each only when what the one before has set going is at rest. Resolves when the last is. Work
   * that waits for something else than this (a timer of Node's, a file, a socket) is not waited for.
   */
  advance(ms: number): Promise<void>
  /** Resolves when the time has been moved by so many ms: for work that is to take long. */
  sleep(ms: number): Promise<void>
  /** Until `reconnect` no client reaches the service: open requests break, and new ones fail at once. */
  disconnect(): void
  reconnect(): void
  /** Closes the clients, which releases their leases, and the service. `await using` does it, too. */
  close(): Promise<void>
}

// More than any chain of promises needs; a request that is never answered must not keep the time from moving.
const turnsMax = 1_000
// Between a reply and what the program does with it lie promises, and now and then a turn of the event loop.
const quietTurns = 3
const clientCloseMs = 5_000

// Before a test can replace it by one that waits for its own clock.
const { setImmediate } = globalThis

/** The service, over the memory store and without a port, in this process. Nothing is shared between two of them. */
export async function startSignalbox(): Promise<Signalbox> {
  const clock = new TestClock(atRest)
  const startedAtUs = Date.now() * 1_000
  const metrics = createMetrics()
  const { observer } = metrics
  const store = createMemoryStore({ observer, clock: () => startedAtUs + Math.floor(clock.now() * 1_000) })
  const engine = createEngine({ store, observer, clock })
  // A busy machine is no reason to turn a test away.
  const load = { ...defaultAppSettings.load, eventLoopDelayMsMax: Infinity }
  const app = buildApp({ engine, metrics, settings: { insecure: true, load } })
  const wire = new Wire(app)
  await app.ready()
  const url = 'http://signalbox.test'
  const clients: SignalboxClient[] = []
  let closed: Promise<void> | undefined

  async function atRest(): Promise<void> {
    let quiet = 0
    for (let turn = 0; turn < turnsMax && quiet < quietTurns; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve))
      // An acquire that waits is not answered, and yet there is nothing to do for it.
      quiet = wire.open === engine.waiting && engine.storeCalls === 0 ? quiet + 1 : 0
    }
  }

  function connect(options: ConnectOptions = {}): SignalboxClient {
    const client = new SignalboxClient({ ...options, url, fetch: wire.fetch, clock })
    clients.push(client)
    return client
  }

  async function closeAll(): Promise<void> {
    const closing = Promise.all(clients.map((client) => client.close({ timeoutMs: clientCloseMs })))
    // What pauses between two attempts needs time to pass.
    await clock.advance(clientCloseMs)
    await closing
    engine.stop()
    await app.close()
    await engine.close()
    await store.close()
  }

  const close = (): Promise<void> => (closed ??= closeAll())

  return {
    client: connect(),
    url,
    fetch: wire.fetch,
    connect,
    advance: (ms) => clock.advance(ms),
    sleep: (ms) => new Promise((resolve) => clock.setTimeout(resolve, ms)),
    disconnect: () => wire.cut(),
    reconnect: () => wire.mend(),
    close,
    [Symbol.asyncDispose]: close,
  }
}
