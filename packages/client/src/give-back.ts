import type { Connection } from './connection.js'
import type { SignalboxError } from './errors.js'
import { checkReleased } from './replies.js'
import { send } from './send.js'
import type { Exchange } from './transport.js'
import type { ReleaseBody } from './wire.gen.js'

export function releaseExchange(semaphore: string, body: ReleaseBody): Exchange {
  return {
    method: 'POST',
    path: `/v1/semaphores/${encodeURIComponent(semaphore)}/release`,
    body,
    batched: { call: 'release', semaphore },
  }
}

/**
 * Undoes an acquire whose attempts may still be under way, in the background, until the service has answered or the lease would have run out
 * by itself. `retire` makes the service refuse the id for a while, so that an attempt that arrives after this release leaves nothing behind either.
 */
export function giveBack(connection: Connection, semaphore: string, leaseId: string, ttlMs: number): void {
  const { background, events, settings, transport } = connection
  const failed = (error: unknown): void => events.emit({ kind: 'release-failed', semaphore, error })
  background.run(async () => {
    const decision = await send(transport, events, releaseExchange(semaphore, { leaseId, retire: true }), {
      timeoutMs: settings.timeoutMs,
      retryForMs: ttlMs,
      signals: [connection.ending],
      background: true,
    })
    if (decision.kind === 'accepted') checkReleased(decision, leaseId)
    // Not held is what one hopes for here.
    if (decision.kind === 'refused' && !isNotHeld(decision.error)) failed(decision.error)
  }, failed)
}

export function isNotHeld(error: SignalboxError): boolean {
  return error.code === 'LEASE_NOT_HELD'
}
