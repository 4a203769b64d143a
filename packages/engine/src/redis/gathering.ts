import { callText, decodeReplies, encodeArgs, encodeKeys } from './script-wire.js'
import type { DecodedReply } from './script-wire.js'
import type { ScriptOfMany } from './script-spec.js'

interface Caller {
  readonly resolve: (reply: DecodedReply['reply']) => void
  readonly reject: (error: Error) => void
}

/** Keys and arguments, of one call or shared by many. */
export interface Call {
  readonly keys: Readonly<Record<string, string>>
  readonly args: Readonly<Record<string, unknown>>
}

/**
 * More calls than this are several scripts: the first is at work in Redis while the next is being made. At 64 in flight that is half as much again as
 * one script of all.
 */
const callsMax = 32

/** Calls of one script for one semaphore, on their way to be one run of it. */
export class Gathering {
  readonly script: ScriptOfMany
  readonly semaphore: string
  /** The replica that is told with the reply; undefined where the script tells none. */
  readonly homeReplica: string | undefined
  readonly #keys: string[] = []
  readonly #args: string[] = []
  readonly #eachKeys: string[] = []
  readonly #eachCall: string[] = []
  #callers: Caller[] = []

  constructor(script: ScriptOfMany, semaphore: string, shared: Call) {
    this.script = script
    this.semaphore = semaphore
    encodeKeys(script, script.keys, shared.keys, this.#keys)
    encodeArgs(script, script.args, shared.args, this.#args)
    const { homeReplica } = shared.args
    this.homeReplica = typeof homeReplica === 'string' && homeReplica !== '' ? homeReplica : undefined
  }

  get isFull(): boolean {
    return this.#callers.length >= callsMax
  }

  /** How many calls are not answered yet. */
  get calls(): number {
    return this.#callers.length
  }

  get keys(): readonly string[] {
    return [...this.#keys, ...this.#eachKeys]
  }

  get args(): readonly string[] {
    return [...this.#args, `[${this.#eachCall.join()}]`]
  }

  /** The reply to this call, once the script has run. */
  add({ keys, args }: Call): Promise<DecodedReply['reply']> {
    encodeKeys(this.script, this.script.each.keys, keys, this.#eachKeys)
    this.#eachCall.push(callText(this.script, args))
    return new Promise((resolve, reject) => this.#callers.push({ resolve, reject }))
  }

  /**
   * Gives each call its reply; those that were told `again` stay, in their order, and are all that is left. Returns how many leases were found past their
   * deadline, and what the replica that ran it is told. Throws, and answers nobody, when the reply is not one of the script.
   */
  answer(raw: unknown): { readonly expired: number; readonly told: readonly string[] } {
    const { replies, told } = decodeReplies(this.script, raw, this.calls)
    const callers = this.#callers
    const { keys } = this.script.each
    // The script puts off the last ones: nobody overtakes.
    const answered = replies.findIndex(({ reply }) => reply.kind === 'again')
    const done = answered < 0 ? replies.length : answered
    this.#callers = callers.slice(done)
    this.#eachKeys.splice(0, done * keys.length)
    this.#eachCall.splice(0, done)
    for (const [index, { reply }] of replies.slice(0, done).entries()) callers[index]?.resolve(reply)
    return { expired: replies.at(-1)?.expired ?? 0, told }
  }

  /** Each caller gets an error of its own. */
  fail(errorOf: () => Error): void {
    const callers = this.#callers
    this.#callers = []
    for (const { reject } of callers) reject(errorOf())
  }
}
