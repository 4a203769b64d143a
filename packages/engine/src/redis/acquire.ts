import type { AcquireReply, Attachment, Store } from '../store.js'
import { scripts } from './scripts.gen.js'
import { commonArgs, leaseOf } from './script-context.js'
import type { ScriptContext } from './script-context.js'

export function attachmentText({ replica, number }: Attachment): string {
  return `${replica}.${number}`
}

export function acquireCommand(context: ScriptContext): Pick<Store, 'acquire'> {
  const { join, keyspace, settings } = context
  return {
    async acquire({ semaphore, leaseId, permits, ttlMs, enqueue, attachment, holder, create }): Promise<AcquireReply> {
      const shared = () => ({
        keys: keyspace.of(semaphore),
        args: { ...commonArgs(context, semaphore), queueMax: settings.queueMax },
      })
      const reply = await join(scripts.acquire, semaphore, shared, {
        keys: { retired: keyspace.retired(semaphore, leaseId) },
        args: {
          leaseId,
          permits,
          ttlMs,
          enqueue,
          attachment: attachmentText(attachment),
          holder,
          createLimit: create?.limit ?? -1,
          createBounded: create?.bounded ?? false,
          onConflict: create?.onConflict ?? 'keep',
        },
      })
      if (reply.kind === 'held') {
        return { kind: 'granted', lease: leaseOf({ ...reply, permits }), limitMismatch: reply.limitMismatch }
      }
      if (reply.kind !== 'granted') return reply
      // A new lease, whole: what was asked for is not sent back.
      const { fence, grantedAtMs, limitMismatch } = reply
      const deadlineMs = grantedAtMs + ttlMs
      return {
        kind: 'granted',
        lease: { permits, fence, ttlMs, grantedAtMs, deadlineMs, expiresInMs: ttlMs },
        limitMismatch,
      }
    },
  }
}
