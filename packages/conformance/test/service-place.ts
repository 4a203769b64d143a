import { createEngine, createMemoryStore, type MemoryStore } from '@signalbox/engine'
import { defaultLimits } from '@signalbox/protocol'
import { buildApp } from '@signalbox/semaphore-service'
import type { SuiteSettings } from '../src/index.js'

type App = ReturnType<typeof buildApp>

export interface Services {
  readonly apps: readonly [App, App]
  readonly store: MemoryStore
  close(): Promise<void>
}

/** Two replicas of the service over one store in memory. */
export function openServices(settings: SuiteSettings): Services {
  const { capMs, graceMs, heartbeatMs, limitMax } = settings
  const store = createMemoryStore({ settings })
  const open = () => {
    const engine = createEngine({ store, settings: { capMs, graceMs, heartbeatMs } })
    return { engine, app: buildApp({ engine, settings: { limits: { ...defaultLimits, limitMax } } }) }
  }
  const [one, other] = [open(), open()]
  return {
    apps: [one.app, other.app],
    store,
    async close() {
      for (const { app, engine } of [one, other]) {
        engine.stop()
        app.server.closeAllConnections()
        await app.close()
        await engine.close()
      }
      await store.close()
    },
  }
}
