import { contended } from './contended.js'
import { growth } from './growth.js'
import { handoff } from './handoff.js'
import { idle } from './idle.js'
import { massExpiry } from './mass-expiry.js'
import { memory } from './memory.js'
import { renewing } from './renewing.js'
import type { Scenario } from './scenario.js'
import { uncontended } from './uncontended.js'

export const scenarios: readonly Scenario[] = [
  uncontended,
  contended,
  handoff,
  idle,
  growth,
  massExpiry,
  memory,
  renewing,
]
