import { StoreUnavailableError } from '../store.js'
import { createEvaluate } from './evaluate.js'
import type { EvaluateOptions } from './evaluate.js'
import { Gathering } from './gathering.js'
import { decodeReply, encodeArgs, encodeKeys } from './script-wire.js'
import type { DecodedReply } from './script-wire.js'
import type { ArgsOf, EachArgsOf, EachKeysOf, KeysOf, ReplyOf, Script, ScriptOfMany } from './script-spec.js'

/** What all calls of a run share. */
export interface SharedOf<S extends ScriptOfMany> {
  readonly keys: KeysOf<S>
  readonly args: ArgsOf<S>
}

/** What one of them brings. */
export interface EachOf<S extends ScriptOfMany> {
  readonly keys: EachKeysOf<S>
  readonly args: EachArgsOf<S>
}

/** Both reject with `StoreUnavailableError`, or with what a bug in the script threw. */
export interface ScriptRunner {
  /** Runs a script for one semaphore, after every call of it that was made before. */
  run<S extends Script>(script: S, semaphore: string, keys: KeysOf<S>, args: ArgsOf<S>): Promise<ReplyOf<S>>
  /**
   * One call of a script that answers many. Those of one turn of the event loop that share script and semaphore are one run: a third of what a
   * request costs is the client library's work for a command, and the half of a script's time is spent before it looks at its first call.
   * `shared` is asked once for all of them.
   */
  join<S extends ScriptOfMany>(
    script: S,
    semaphore: string,
    shared: () => SharedOf<S>,
    each: EachOf<S>,
  ): Promise<ReplyOf<S>>
}

/** A script that answers `again` has done a full batch; this many batches in a row mean that it makes no progress. */
const batchesMax = 1_000

function endless(script: Script, semaphore: string): StoreUnavailableError {
  return new StoreUnavailableError(`${script.name} of ${semaphore} found more to do after ${batchesMax} batches.`)
}

export function createScriptRunner(options: EvaluateOptions): ScriptRunner {
  const { errorOf, observer } = options
  const evaluate = createEvaluate(options)
  const gatherings = new Map<string, Gathering[]>()

  function found(semaphore: string, leases: number): void {
    if (leases > 0) observer?.expired({ semaphore, leases })
  }

  async function runToTheEnd(
    script: Script,
    semaphore: string,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<DecodedReply['reply']> {
    for (let batch = 0; batch < batchesMax; batch += 1) {
      const { expired, reply } = decodeReply(script, await evaluate(script, keys, args))
      found(semaphore, expired)
      if (reply.kind !== 'again') return reply
    }
    throw endless(script, semaphore)
  }

  async function send(gathering: Gathering): Promise<void> {
    const { script, semaphore } = gathering
    try {
      for (let batch = 0; gathering.calls > 0; batch += 1) {
        if (batch === batchesMax) throw endless(script, semaphore)
        found(semaphore, gathering.answer(await evaluate(script, gathering.keys, gathering.args)))
      }
    } catch (error) {
      gathering.fail(() => errorOf(error, script.name))
    }
  }

  function flush(semaphore: string): void {
    const open = gatherings.get(semaphore)
    if (open === undefined) return
    gatherings.delete(semaphore)
    for (const gathering of open) void send(gathering)
  }

  function flushAll(): void {
    for (const semaphore of [...gatherings.keys()]) flush(semaphore)
  }

  function gatheringOf<S extends ScriptOfMany>(script: S, semaphore: string, shared: () => SharedOf<S>): Gathering {
    if (gatherings.size === 0) setImmediate(flushAll)
    const open = gatherings.get(semaphore) ?? []
    const existing = open.find((one) => one.script === script)
    if (existing !== undefined && !existing.isFull) return existing
    if (existing !== undefined) flush(semaphore)
    const gathering = new Gathering(script, semaphore, shared())
    gatherings.set(semaphore, existing === undefined ? [...open, gathering] : [gathering])
    return gathering
  }

  return {
    async run<S extends Script>(script: S, semaphore: string, keys: KeysOf<S>, args: ArgsOf<S>) {
      const sentKeys: string[] = []
      const sentArgs: string[] = []
      encodeKeys(script, script.keys, keys, sentKeys)
      encodeArgs(script, script.args, args, sentArgs)
      // The end of an attachment must not reach the store before its acquire.
      flush(semaphore)
      try {
        // eslint-disable-next-line @typescript-eslint/no-unsafe-type-assertion -- decodeReply checked it against the spec that ReplyOf<S> follows from
        return (await runToTheEnd(script, semaphore, sentKeys, sentArgs)) as ReplyOf<S>
      } catch (error) {
        throw errorOf(error, script.name)
      }
    },
    async join<S extends ScriptOfMany>(script: S, semaphore: string, shared: () => SharedOf<S>, each: EachOf<S>) {
      // eslint-disable-next-line @typescript-eslint/no-unsafe-type-assertion -- as above
      return (await gatheringOf(script, semaphore, shared).add(each)) as ReplyOf<S>
    },
  }
}
