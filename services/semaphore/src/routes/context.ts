import type { Engine } from '@signalbox/engine'
import type { RequestSchemas } from '@signalbox/protocol'
import type { FastifyBaseLogger } from 'fastify'
import type { KeyRing } from '../key-ring.js'
import type { LiveStreams } from '../live/live-streams.js'
import type { Load } from '../load.js'
import type { Metrics } from '../metrics.js'
import type { OpenAttempts } from '../open-attempts.js'
import type { AppSettings } from '../settings.js'

/** What routes are made from. */
export interface RouteContext {
  readonly engine: Engine
  readonly schemas: RequestSchemas
  readonly settings: AppSettings
  readonly keyRing: KeyRing
  readonly live: LiveStreams
  readonly load: Load
  readonly log: FastifyBaseLogger
  readonly metrics: Metrics
  readonly openAttempts: OpenAttempts
  readonly isStopping: () => boolean
}
