import type { Operation } from '../../history/event.js'
import type { History } from '../../history/history.js'
import type { Findings } from '../findings.js'

const away = ['STORE_UNAVAILABLE', 'STORE_RECOVERING', 'OVERLOADED', 'SHUTTING_DOWN']
const busy = ['PERMITS_UNAVAILABLE', 'ACQUIRE_TIMEOUT', 'STILL_WAITING', 'WAIT_CANCELLED', 'PERMITS_EXCEED_LIMIT']

/** What each call may be refused with here, where every request is a right one and every semaphore exists or is created. */
const refusals: Readonly<Record<Operation, readonly string[]>> = {
  acquire: [...busy, ...away, 'SEMAPHORE_NOT_FOUND'],
  release: [...away, 'LEASE_NOT_HELD'],
  renew: [...away, 'LEASE_NOT_HELD'],
  configure: away,
  'add-permits': [...away, 'SEMAPHORE_NOT_FOUND'],
  revoke: [...away, 'LEASE_NOT_HELD'],
  look: [...away, 'SEMAPHORE_NOT_FOUND'],
}

/** I12: no answer but those that say what is the case, and above all no 500; and no process ended, or complained, that should not have. */
export function toldApart(history: History, findings: Findings): void {
  for (const { request, status, code, at } of history.of('reply')) {
    const asked = history.requests.get(request)
    if (asked === undefined) continue
    const isKept = status < 300 || (code !== undefined && refusals[asked.operation].includes(code))
    findings.check('I12', isKept, () => ({
      at,
      semaphore: asked.semaphore,
      about: [request],
      text: `${asked.operation} was answered ${status} ${code ?? 'without a code'}`,
    }))
  }
  const outcomes = new Set(['held', 'busy', 'aborted', 'UNREACHABLE', 'LEASE_NOT_HELD', ...busy, ...away])
  for (const { outcome, call, at } of history.of('wait-over')) {
    findings.check('I12', outcomes.has(outcome), () => ({ at, about: [call], text: `a call ended with ${outcome}` }))
  }
  for (const { at, process, text } of history.of('mishap')) {
    findings.check('alive', false, () => ({ at, text: `${process}: ${text}` }))
  }
}
