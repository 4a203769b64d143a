import type { EndReply, ReleaseReply, RenewReply, Store } from '../store.js'
import { attachmentText } from './acquire.js'
import { scripts } from './scripts.gen.js'
import { commonArgs, leaseOf } from './script-context.js'
import type { ScriptContext } from './script-context.js'

/** What is done to a lease id that lives. */
export function leaseCommands(context: ScriptContext): Pick<Store, 'release' | 'renew' | 'end'> {
  const { run, join, keyspace, settings, homeReplica } = context
  return {
    async release({ semaphore, leaseId, retire }): Promise<ReleaseReply> {
      const shared = () => ({
        keys: keyspace.of(semaphore),
        args: { ...commonArgs(context, semaphore), retireMs: settings.retireMs, homeReplica: homeReplica() },
      })
      const keys = { retired: keyspace.retired(semaphore, leaseId) }
      return join(scripts.release, semaphore, shared, { keys, args: { leaseId, retire } })
    },

    async renew({ semaphore, leaseId, ttlMs }): Promise<RenewReply> {
      const shared = () => ({ keys: keyspace.of(semaphore), args: commonArgs(context, semaphore) })
      const reply = await join(scripts.renew, semaphore, shared, { keys: {}, args: { leaseId, ttlMs } })
      return reply.kind === 'renewed' ? { kind: 'renewed', lease: leaseOf(reply) } : reply
    },

    async end({ semaphore, leaseId, attachment, unlessHeld }): Promise<EndReply> {
      const args = { ...commonArgs(context, semaphore), leaseId, attachment: attachmentText(attachment), unlessHeld }
      const reply = await run(scripts.cancel, semaphore, keyspace.of(semaphore), args)
      return reply.kind === 'held' ? { kind: 'held', lease: leaseOf(reply) } : reply
    },
  }
}
