import type { History } from '../history/history.js'
import { Findings } from './findings.js'
import { arrivalOrder } from './rules/arrival-order.js'
import { beliefs } from './rules/beliefs.js'
import { deadLeave } from './rules/dead-leave.js'
import { deadlines } from './rules/deadlines.js'
import { fencesGrow } from './rules/fences-grow.js'
import { grantOrder } from './rules/grant-order.js'
import { neverTooMany } from './rules/never-too-many.js'
import { noPermitLost } from './rules/no-permit-lost.js'
import { oneLeasePerId } from './rules/one-lease-per-id.js'
import { queueAwake } from './rules/queue-awake.js'
import { toldApart } from './rules/told-apart.js'
import { toldInTime } from './rules/told-in-time.js'
import { waitsEnd } from './rules/waits-end.js'

const rules = [
  neverTooMany,
  noPermitLost,
  arrivalOrder,
  grantOrder,
  oneLeasePerId,
  fencesGrow,
  deadlines,
  deadLeave,
  queueAwake,
  waitsEnd,
  toldInTime,
  beliefs,
  toldApart,
]

/** Decides from what was seen, and from nothing else, which promises were kept. */
export function check(history: History): Findings {
  const findings = new Findings()
  for (const rule of rules) rule(history, findings)
  findings.violations.sort((a, b) => a.at - b.at)
  return findings
}
