import type { EngineObserver } from '../engine.js'
import { StoreUnavailableError } from '../store.js'
import type { ArgTypes, ArgsOf, KeysOf, ReplyOf, ReplyTypes, Script } from './script-spec.js'
import { decodeReply, encodeCall } from './script-wire.js'
import type { DecodedReply } from './script-wire.js'

/** Keeps the spec literal, so that keys, arguments and replies have types, and the text a mere string. */
export function defineScript<
  const Keys extends readonly string[],
  const Args extends ArgTypes,
  const Replies extends ReplyTypes,
>(script: Script<Keys, Args, Replies>): Script<Keys, Args, Replies> {
  return script
}

/** The commands that a script needs; every Redis client of any topology has them. */
export interface ScriptClient {
  evalsha(sha1: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>
  eval(text: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>
}

/** What the store tells whoever keeps metrics. */
export type StoreObserver = Pick<EngineObserver, 'called' | 'expired'>

export interface ScriptRunnerOptions {
  readonly client: ScriptClient
  /** What a failed command means to the caller of the store. */
  readonly errorOf: (error: unknown, operation: string) => Error
  readonly observer?: StoreObserver | undefined
  /** Other texts for some scripts, by name, with the same header. */
  readonly texts?: Readonly<Record<string, Pick<Script, 'text' | 'sha1'>>> | undefined
  /** Appended to ARGV. */
  readonly extraArgs?: (() => readonly string[]) | undefined
}

/** Runs a script for one semaphore. Rejects with `StoreUnavailableError`, or with what a bug in the script threw. */
export type RunScript = <S extends Script>(
  script: S,
  semaphore: string,
  keys: KeysOf<S>,
  args: ArgsOf<S>,
) => Promise<ReplyOf<S>>

/** A script that answers `again` has done a full batch; this many batches in a row mean that it makes no progress. */
const batchesMax = 1_000

/** The only caller of EVALSHA. */
export function createScriptRunner({ client, errorOf, observer, texts, extraArgs }: ScriptRunnerOptions): RunScript {
  async function send(script: Script, sent: readonly string[]): Promise<unknown> {
    const { text, sha1 } = texts?.[script.name] ?? script
    const keyCount = script.keys.length
    const all = extraArgs === undefined ? sent : [...sent, ...extraArgs()]
    try {
      return await client.evalsha(sha1, keyCount, ...all)
    } catch (error) {
      // Nothing ran, so this repeats nothing. EVAL runs the script and leaves it loaded.
      if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return client.eval(text, keyCount, ...all)
      throw error
    }
  }

  async function runToTheEnd(
    script: Script,
    semaphore: string,
    sent: readonly string[],
  ): Promise<DecodedReply['reply']> {
    for (let batch = 0; batch < batchesMax; batch += 1) {
      const { expired, reply } = decodeReply(script, await send(script, sent))
      if (expired > 0) observer?.expired({ semaphore, leases: expired })
      if (reply.kind !== 'again') return reply
    }
    throw new StoreUnavailableError(`${script.name} of ${semaphore} found more to do after ${batchesMax} batches.`)
  }

  return async function run<S extends Script>(script: S, semaphore: string, keys: KeysOf<S>, args: ArgsOf<S>) {
    const sent = encodeCall(script, keys, args)
    const startedAt = performance.now()
    let ok = false
    try {
      const reply = await runToTheEnd(script, semaphore, sent)
      ok = true
      // eslint-disable-next-line @typescript-eslint/no-unsafe-type-assertion -- decodeReply checked it against the spec that ReplyOf<S> follows from
      return reply as ReplyOf<S>
    } catch (error) {
      throw errorOf(error, script.name)
    } finally {
      observer?.called({ operation: script.name, durationMs: performance.now() - startedAt, ok })
    }
  }
}
