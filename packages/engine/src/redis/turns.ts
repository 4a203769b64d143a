import { Gathering } from './gathering.js'
import type { Call } from './gathering.js'
import type { ScriptOfMany } from './script-spec.js'
import type { DecodedReply } from './script-wire.js'

export interface Turns {
  /** One call more for this turn. `shared` is asked once for all of them. Rejects as `send` does. */
  readonly join: (
    script: ScriptOfMany,
    semaphore: string,
    shared: () => Call,
    each: Call,
  ) => Promise<DecodedReply['reply']>
  /** Sends what was gathered for this semaphore. */
  readonly flush: (semaphore: string) => void
}

/**
 * Calls of one turn of the event loop that share script and semaphore are one run: half of what a request costs is the client library's work for
 * a command, and more than half of a script's time is spent before it looks at its call (docs/adr/0007). `send` answers every call of a
 * gathering, and does not reject.
 */
export function createTurns(send: (gathering: Gathering) => Promise<void>): Turns {
  const gatherings = new Map<string, Gathering[]>()

  function flush(semaphore: string): void {
    const open = gatherings.get(semaphore)
    if (open === undefined) return
    gatherings.delete(semaphore)
    for (const gathering of open) void send(gathering)
  }

  function flushAll(): void {
    for (const semaphore of [...gatherings.keys()]) flush(semaphore)
  }

  function gatheringOf(script: ScriptOfMany, semaphore: string, shared: () => Call): Gathering {
    // After the poll phase, in which all requests that have arrived are read.
    if (gatherings.size === 0) setImmediate(flushAll)
    const open = gatherings.get(semaphore) ?? []
    const existing = open.find((one) => one.script === script)
    if (existing !== undefined) return existing
    const gathering = new Gathering(script, semaphore, shared())
    gatherings.set(semaphore, [...open, gathering])
    return gathering
  }

  return {
    join(script, semaphore, shared, each) {
      const gathering = gatheringOf(script, semaphore, shared)
      const reply = gathering.add(each)
      if (gathering.isFull) flush(semaphore)
      return reply
    },
    flush,
  }
}
