import type { HeartbeatReply, NearestInMs, OpenRequestState, Store } from '../store.js'
import { scripts } from './scripts.gen.js'
import { commonArgs } from './script-context.js'
import type { ScriptContext } from './script-context.js'

/**
 * Open requests that one script looks up: it holds Redis for about a ms. Seven strings each is the most a reply may have, for Lua
 * cannot unpack 8,000.
 */
const openMax = 1_000
/** Strings by which the script describes one request that does not simply wait. */
const exceptionLength = 7

/** The state of each of `count` requests: those that the script did not list wait. */
function readStates(count: number, exceptions: readonly string[]): OpenRequestState[] {
  const states = Array.from({ length: count }, (): OpenRequestState => ({ kind: 'waiting' }))
  for (let at = 0; at < exceptions.length; at += exceptionLength) {
    const numbers = exceptions.slice(at, at + exceptionLength).map(Number)
    const [index = 0, permits = 0, fence = 0, ttlMs = 0, grantedAtMs = 0, deadlineMs = 0, expiresInMs = 0] = numbers
    const lease = { permits, fence, ttlMs, grantedAtMs, deadlineMs, expiresInMs }
    states[index] = permits === 0 ? { kind: 'unknown' } : { kind: 'granted', lease }
  }
  return states
}

/** What keeps the queue moving when nobody calls. */
export function queueCommands(context: ScriptContext): Pick<Store, 'reap' | 'heartbeat'> {
  const { run, keyspace } = context
  return {
    async reap({ semaphore }): Promise<{ nearestInMs: NearestInMs }> {
      const { nearestInMs } = await run(scripts.reap, semaphore, keyspace.of(semaphore), commonArgs(context, semaphore))
      return { nearestInMs }
    },

    // More requests than one script should look up are several heartbeats: each is one, and they may be any distance apart.
    async heartbeat({ semaphore, replica, open }): Promise<HeartbeatReply> {
      const states: OpenRequestState[] = []
      let nearestInMs: NearestInMs = null
      do {
        const some = open.slice(states.length, states.length + openMax)
        const reply = await run(scripts.heartbeat, semaphore, keyspace.of(semaphore), {
          ...commonArgs(context, semaphore),
          replica,
          openCount: some.length,
          open: some.flatMap(({ leaseId, number }) => [leaseId, String(number)]),
        })
        nearestInMs = reply.nearestInMs
        states.push(...readStates(some.length, reply.exceptions))
      } while (states.length < open.length)
      return { nearestInMs, states }
    },
  }
}
