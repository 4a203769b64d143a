import type { EngineObserver } from '../engine.js'
import type { Script } from './script-spec.js'

/** The commands that a script needs; every Redis client of any topology has them. */
export interface ScriptClient {
  evalsha(sha1: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>
  eval(text: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>
}

/** What the store tells whoever keeps metrics. */
export type StoreObserver = Pick<EngineObserver, 'called' | 'expired'>

export interface EvaluateOptions {
  readonly client: ScriptClient
  /** What a failed command means to the caller of the store. */
  readonly errorOf: (error: unknown, operation: string) => Error
  readonly observer?: StoreObserver | undefined
  /** Other texts for some scripts, by name, with the same header. */
  readonly texts?: Readonly<Record<string, Pick<Script, 'text' | 'sha1'>>> | undefined
  /** Appended to ARGV. */
  readonly extraArgs?: (() => readonly string[]) | undefined
}

/** Runs a script once, and gives its reply as it came. Rejects with what the client rejected with. */
export type Evaluate = (script: Script, keys: readonly string[], args: readonly string[]) => Promise<unknown>

/** The only caller of EVALSHA. */
export function createEvaluate({ client, observer, texts, extraArgs }: EvaluateOptions): Evaluate {
  async function send(
    { text, sha1 }: Pick<Script, 'text' | 'sha1'>,
    keyCount: number,
    sent: string[],
  ): Promise<unknown> {
    try {
      return await client.evalsha(sha1, keyCount, ...sent)
    } catch (error) {
      // Nothing ran, so this repeats nothing. EVAL runs the script and leaves it loaded.
      if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return client.eval(text, keyCount, ...sent)
      throw error
    }
  }

  return async function evaluate(script, keys, args) {
    const sent = extraArgs === undefined ? [...keys, ...args] : [...keys, ...args, ...extraArgs()]
    const startedAt = performance.now()
    let ok = false
    try {
      const reply = await send(texts?.[script.name] ?? script, keys.length, sent)
      ok = true
      return reply
    } finally {
      observer?.called({ operation: script.name, durationMs: performance.now() - startedAt, ok })
    }
  }
}
