import type { Accepted, Refused } from './answer.js'
import type { Events } from './events.js'
import { exhausted, Patience } from './patience.js'
import { pause } from './timer.js'
import { describe, type Attempts, type Exchange } from './transport.js'

/** How long one call goes on. */
export interface Terms {
  /** Of each attempt. */
  readonly timeoutMs: number
  /** After the first failure. */
  readonly retryForMs: number
  /** Local monotonic time after which nothing but the first retry is sent. */
  readonly untilMs?: number
  /** The call ends with the reason of the first that aborts. */
  readonly signals: readonly AbortSignal[]
  /** Whether nobody waits for it: then its pauses keep no process alive. */
  readonly background?: boolean
}

/** The service's decision; of a refusal, after how many attempts: after more than one, an earlier one may have taken effect. */
export type Decision = Accepted | (Refused & { readonly attempts: number })

/**
 * Sends a request that may be repeated until it is decided. Rejects with `UnavailableError` when the patience is over, or with a signal's reason;
 * in both cases whether it took effect is not known.
 */
export async function send(transport: Attempts, events: Events, exchange: Exchange, terms: Terms): Promise<Decision> {
  const { clock } = transport
  let patience: Patience | undefined
  for (let attempts = 1; ; attempts++) {
    const answer = await transport.attempt(exchange, terms.timeoutMs, terms.signals)
    if (answer.kind === 'accepted') return answer
    if (answer.kind === 'refused') return { ...answer, attempts }
    patience ??= new Patience(terms.retryForMs)
    const delayMs = patience.pauseMs(answer, clock.now(), terms.untilMs ?? Infinity)
    if (delayMs === null) throw exhausted(describe(exchange), attempts, answer)
    events.emit({ kind: 'retry', request: describe(exchange), attempts, delayMs, error: answer.error })
    if (delayMs > 0) await pause(clock, delayMs, terms.signals, terms.background ?? false)
  }
}
