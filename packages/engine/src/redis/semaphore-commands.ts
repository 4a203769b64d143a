import type {
  AddPermitsReply,
  ConfigureReply,
  NotFound,
  RemoveReply,
  SemaphoreState,
  StateReply,
  Store,
} from '../store.js'
import { scripts } from './scripts.gen.js'
import { commonArgs } from './script-context.js'
import type { ScriptContext } from './script-context.js'

function stateOf(name: string, reply: Omit<SemaphoreState, 'name'>): SemaphoreState {
  const { limit, bounded, used, waiting, oldestWaitMs, grants } = reply
  return { name, limit, bounded, used, waiting, oldestWaitMs, grants }
}

function boundedText(bounded: boolean | null): string {
  if (bounded === null) return ''
  return bounded ? '1' : '0'
}

/** What is done to a semaphore as a whole. */
export function semaphoreCommands(
  context: ScriptContext,
): Pick<Store, 'configure' | 'addPermits' | 'remove' | 'inspect'> {
  const { run, keyspace, settings } = context
  return {
    async configure({ semaphore, limit, bounded }): Promise<ConfigureReply> {
      const args = { ...commonArgs(context, semaphore), limit, bounded: boundedText(bounded) }
      const reply = await run(scripts.configure, semaphore, keyspace.of(semaphore), args)
      return { kind: reply.kind, state: stateOf(semaphore, reply) }
    },

    async addPermits({ semaphore, permits, requestId, limitMax }): Promise<AddPermitsReply> {
      const keys = { ...keyspace.of(semaphore), grown: keyspace.grown(semaphore, requestId) }
      const args = { ...commonArgs(context, semaphore), permits, limitMax, requestIdMs: settings.requestIdMs }
      const reply = await run(scripts.addPermits, semaphore, keys, args)
      return reply.kind === 'state' ? { kind: 'state', state: stateOf(semaphore, reply) } : reply
    },

    async remove({ semaphore, force }): Promise<RemoveReply> {
      return run(scripts.remove, semaphore, keyspace.of(semaphore), { ...commonArgs(context, semaphore), force })
    },

    async inspect({ semaphore }): Promise<StateReply | NotFound> {
      const reply = await run(scripts.inspect, semaphore, keyspace.of(semaphore), commonArgs(context, semaphore))
      return reply.kind === 'state' ? { kind: 'state', state: stateOf(semaphore, reply) } : reply
    },
  }
}
