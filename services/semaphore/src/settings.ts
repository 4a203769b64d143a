import { defaultLimits, type Limits } from '@signalbox/protocol'
import type { ApiKey } from './api-keys.js'
import type { EventSettings } from './live/live-streams.js'
import type { LoadSettings } from './load.js'

/** What the HTTP side needs to know; everything else of the configuration is the engine's or the process's. */
export interface AppSettings {
  readonly limits: Limits
  readonly bodyBytesMax: number
  /** Within this time a request must have arrived whole; how long its answer takes is another matter. */
  readonly receiveTimeoutMs: number
  /** How long a kept connection may be idle between two requests. */
  readonly keepAliveMs: number
  /** How long nothing may be sent or received on a connection, waits included: longer than any acquire is held open. */
  readonly silenceMs: number
  readonly connectionsMax: number
  /** Those of the start. None: whoever reaches the port may do everything. */
  readonly apiKeys: readonly ApiKey[]
  /** Without keys, also answer requests from other hosts and pages of other origins. */
  readonly insecure: boolean
  /** Most semaphores that /metrics names. */
  readonly metricsSemaphoresMax: number
  readonly load: LoadSettings
  readonly events: EventSettings
}

export const defaultAppSettings: AppSettings = {
  limits: defaultLimits,
  bodyBytesMax: 16_384,
  receiveTimeoutMs: 10_000,
  keepAliveMs: 75_000,
  silenceMs: 120_000,
  connectionsMax: 25_000,
  apiKeys: [],
  insecure: false,
  metricsSemaphoresMax: 100,
  // A second late is late for a lease of three; so many calls take half a second at what one connection to Redis answers.
  load: { eventLoopDelayMsMax: 1_000, storeCallsMax: 10_000 },
  events: {
    streamsMax: 100,
    semaphoresMax: 1_000,
    intervalMs: 1_000,
    silenceMs: 14_000,
    unreadBytesMax: 1_048_576,
  },
}
