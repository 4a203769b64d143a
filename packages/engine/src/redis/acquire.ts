import type { AcquireReply, Attachment, Store } from '../store.js'
import { scripts } from './scripts.gen.js'
import { commonArgs, leaseOf } from './script-context.js'
import type { ScriptContext } from './script-context.js'

export function attachmentText({ replica, number }: Attachment): string {
  return `${replica}.${number}`
}

export function acquireCommand(context: ScriptContext): Pick<Store, 'acquire'> {
  const { run, keyspace, settings } = context
  return {
    async acquire({ semaphore, leaseId, permits, ttlMs, enqueue, attachment, holder, create }): Promise<AcquireReply> {
      const reply = await run(
        scripts.acquire,
        semaphore,
        { ...keyspace.of(semaphore), retired: keyspace.retired(semaphore, leaseId) },
        {
          ...commonArgs(context, semaphore),
          leaseId,
          permits,
          ttlMs,
          enqueue,
          attachment: attachmentText(attachment),
          holder,
          queueMax: settings.queueMax,
          createLimit: create?.limit ?? -1,
          createBounded: create?.bounded ?? false,
          onConflict: create?.onConflict ?? 'keep',
        },
      )
      if (reply.kind !== 'granted') return reply
      return { kind: 'granted', lease: leaseOf(reply), limitMismatch: reply.limitMismatch }
    },
  }
}
