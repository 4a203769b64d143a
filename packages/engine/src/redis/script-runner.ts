import { StoreUnavailableError } from '../store.js'
import { createEvaluate } from './evaluate.js'
import type { EvaluateOptions } from './evaluate.js'
import type { Gathering } from './gathering.js'
import type { ArgsOf, EachArgsOf, EachKeysOf, KeysOf, ReplyOf, Script, ScriptOfMany } from './script-spec.js'
import { decodeReply, encodeArgs, encodeKeys } from './script-wire.js'
import type { DecodedReply } from './script-wire.js'
import { createTurns } from './turns.js'

/** Who hears what scripts tell the replica that ran them, with their replies (docs/adr/0011). */
export interface Home {
  readonly hear: (replica: string, message: string) => void
  /** No reply came: the script may have run, and told something. */
  readonly missed: (replica: string, semaphore: string) => void
}

export interface ScriptRunnerOptions extends EvaluateOptions {
  readonly home?: Home | undefined
}

/** Both reject with `StoreUnavailableError`, or with what a bug in the script threw. */
export interface ScriptRunner {
  /** Runs a script for one semaphore, after every call of it that was made before. */
  readonly run: <S extends Script>(
    script: S,
    semaphore: string,
    keys: KeysOf<S>,
    args: ArgsOf<S>,
  ) => Promise<ReplyOf<S>>
  /** One call of a script that answers many: those of this turn of the event loop are sent together. `shared` is what does not differ. */
  readonly join: <S extends ScriptOfMany>(
    script: S,
    semaphore: string,
    shared: () => { readonly keys: KeysOf<S>; readonly args: ArgsOf<S> },
    each: { readonly keys: EachKeysOf<S>; readonly args: EachArgsOf<S> },
  ) => Promise<ReplyOf<S>>
}

/** A script that answers `again` has done a full batch; this many batches in a row mean that it makes no progress. */
const batchesMax = 1_000

function endless(script: Script, semaphore: string): StoreUnavailableError {
  return new StoreUnavailableError(`${script.name} of ${semaphore} found more to do after ${batchesMax} batches.`)
}

export function createScriptRunner(options: ScriptRunnerOptions): ScriptRunner {
  const { errorOf, observer, home } = options
  const evaluate = createEvaluate(options)
  const turns = createTurns(send)

  function noteExpired(semaphore: string, leases: number): void {
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
      noteExpired(semaphore, expired)
      if (reply.kind !== 'again') return reply
    }
    throw endless(script, semaphore)
  }

  async function send(gathering: Gathering): Promise<void> {
    const { script, semaphore, homeReplica } = gathering
    try {
      for (let batch = 0; gathering.calls > 0; batch += 1) {
        if (batch === batchesMax) throw endless(script, semaphore)
        const { expired, told } = gathering.answer(await evaluate(script, gathering.keys, gathering.args))
        noteExpired(semaphore, expired)
        if (homeReplica !== undefined) for (const notice of told) home?.hear(homeReplica, notice)
      }
    } catch (error) {
      gathering.fail(() => errorOf(error, script.name))
      if (homeReplica !== undefined) home?.missed(homeReplica, semaphore)
    }
  }

  return {
    async run<S extends Script>(script: S, semaphore: string, keys: KeysOf<S>, args: ArgsOf<S>) {
      const sentKeys: string[] = []
      const sentArgs: string[] = []
      encodeKeys(script, script.keys, keys, sentKeys)
      encodeArgs(script, script.args, args, sentArgs)
      // The end of an attachment must not reach the store before its acquire.
      turns.flush(semaphore)
      try {
        // eslint-disable-next-line @typescript-eslint/no-unsafe-type-assertion -- decodeReply checked it against the spec that ReplyOf<S> follows from
        return (await runToTheEnd(script, semaphore, sentKeys, sentArgs)) as ReplyOf<S>
      } catch (error) {
        throw errorOf(error, script.name)
      }
    },
    join(script, semaphore, shared, each) {
      // eslint-disable-next-line @typescript-eslint/no-unsafe-type-assertion -- as above
      return turns.join(script, semaphore, shared, each) as Promise<ReplyOf<typeof script>>
    },
  }
}
