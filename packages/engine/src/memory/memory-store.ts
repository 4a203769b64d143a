import type { SemaphoreState, Store } from '../store.js'
import { acquire } from './acquire.js'
import { CommandRunner, type MemoryStoreOptions } from './command-runner.js'
import { addPermits, configure, remove } from './configure.js'
import { cursorNumbers } from './cursor.js'
import { end } from './end.js'
import { heartbeat, reap } from './heartbeat.js'
import { inspect, leases, waiters } from './listings.js'
import { release, revoke } from './release.js'
import { renew } from './renew.js'

export interface MemoryStore extends Store {
  /** Everything it remembers, of any kind: 0 when nothing is left. */
  readonly size: number
}

/**
 * The whole store in one process, gone at its exit. Command for command it does what the Lua scripts do, one transition at a
 * time, so it is also what they are tested against.
 */
export function createMemoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const runner = new CommandRunner(options)
  return {
    acquire: (call) => runner.run('acquire', acquire, call),
    release: (call) => runner.run('release', release, call),
    renew: (call) => runner.run('renew', renew, call),
    end: (call) => runner.run('cancel', end, call),
    reap: (call) => runner.run('reap', reap, call),
    heartbeat: (call) => runner.run('heartbeat', heartbeat, call),
    configure: (call) => runner.run('configure', configure, call),
    addPermits: (call) => runner.run('add-permits', addPermits, call),
    remove: (call) => runner.run('remove', remove, call),
    inspect: (call) => runner.run('inspect', inspect, call),
    leases: (call) => runner.run('list-leases', leases, call),
    waiters: (call) => runner.run('list-waiters', waiters, call),
    revoke: (call) => runner.run('revoke', revoke, call),
    semaphores: semaphoresOf(runner),
    listen: async (replica, listener) => {
      const stop = runner.listen(replica, listener)
      return async () => stop()
    },
    ping: async () => {
      runner.refuseIfClosed()
      return 'memory'
    },
    guardMs: () => 0,
    close: async () => runner.close(),
    get size() {
      runner.forget()
      return runner.catalogue.size
    },
  }
}

function semaphoresOf(runner: CommandRunner): Store['semaphores'] {
  return async ({ prefix, cursor, pageSize }) => {
    const [afterNumber] = cursorNumbers(cursor, 1)
    const chosen: { readonly name: string; readonly number: number }[] = []
    // One more than is shown tells whether a page follows.
    for (const one of runner.catalogue.after(afterNumber, prefix)) {
      if (chosen.push(one) > pageSize) break
    }
    const items: SemaphoreState[] = []
    for (const { name } of chosen.slice(0, pageSize)) {
      const reply = await runner.run('inspect', inspect, { semaphore: name })
      if (reply.kind === 'state') items.push(reply.state)
    }
    const last = chosen[pageSize - 1]
    return { items, nextCursor: chosen.length > pageSize && last !== undefined ? String(last.number) : null }
  }
}
