import { onAbort, throwIfAborted } from './abort.js'
import { answersOf, type Answer } from './answer.js'
import type { Clock } from './clock.js'
import { afterThisTurn } from './environment.js'
import type { Attempts, BatchedCall, Exchange, Reply, Transport } from './transport.js'
import { batchCallsMax } from './wire.gen.js'

/** One attempt that may go with others. */
interface Gathered {
  readonly exchange: Exchange
  readonly batched: BatchedCall
  /** Of its caller: by the time it is sent another's may be current. */
  readonly trace: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly signals: readonly AbortSignal[]
  readonly resolve: (answer: Answer | Promise<Answer>) => void
  /** Its signals are listened to no more. */
  stopListening: () => void
  isAborted: boolean
  /** Once it is sent with others: that it was aborted. */
  leave: () => void
}

/** A longer text goes as several: with three bytes to the character it is still below what a service takes. */
const charactersMax = 40_000

/** What answers so has no such route, or none for a request of this size; whatever it is, it has done nothing. */
const unfitStatuses: ReadonlySet<number> = new Set([400, 404, 405, 413])

/**
 * Sends what is attempted in one turn of the event loop in one request, because a request costs Node as much as thirty calls in one do. What is alone in its
 * turn is a plain request. Each attempt keeps its own promise, signals and place in its caller's patience: a batch that fails has failed for each of
 * its calls, and each asks again as if it had been alone.
 *
 * A call that is aborted leaves its batch, which goes on for the others; when all have left it is cut. Its caller releases the lease id with `retire`,
 * which holds whether that overtakes the batch or follows it.
 */
export class Batches implements Attempts {
  readonly clock: Clock
  readonly #transport: Transport
  #gathered: Gathered[] = []
  /** The service does not know batches, or something in between does not let them pass. */
  #isUnfit = false

  constructor(transport: Transport) {
    this.#transport = transport
    this.clock = transport.clock
  }

  attempt(exchange: Exchange, timeoutMs: number, signals: readonly AbortSignal[]): Promise<Answer> {
    const { batched } = exchange
    if (batched === undefined || this.#isUnfit) return this.#transport.attempt(exchange, timeoutMs, signals)
    return new Promise((resolve, reject) => {
      throwIfAborted(signals)
      // Member by member: spreading what is there already took as long as all else of it.
      const one: Gathered = {
        exchange,
        batched,
        trace: this.#transport.trace(),
        timeoutMs,
        signals,
        resolve,
        stopListening: nothing,
        isAborted: false,
        leave: nothing,
      }
      one.stopListening = onAbort(signals, (reason) => {
        one.isAborted = true
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- callers get their own reason
        reject(reason)
        one.leave()
      })
      if (this.#gathered.length === 0) afterThisTurn(() => this.#sendAll())
      this.#gathered.push(one)
    })
  }

  #sendAll(): void {
    const gathered = this.#gathered
    this.#gathered = []
    // Those of one time-out together: each must be over when its caller tries again, and none cut short by another's.
    const byTimeout = new Map<number, Gathered[]>()
    for (const one of gathered) {
      if (one.isAborted) continue
      const timeoutMs = one.batched.timeoutMs ?? one.timeoutMs
      const those = byTimeout.get(timeoutMs)
      if (those === undefined) byTimeout.set(timeoutMs, [one])
      else those.push(one)
    }
    for (const [timeoutMs, those] of byTimeout) this.#sendThose(those, timeoutMs)
  }

  #sendThose(those: readonly Gathered[], timeoutMs: number): void {
    let calls: Gathered[] = []
    let texts: string[] = []
    let characters = 0
    const send = (): void => {
      const [alone] = calls
      if (alone !== undefined && calls.length === 1) this.#sendAlone(alone)
      else if (alone !== undefined) void this.#send(calls, texts, timeoutMs)
      calls = []
      texts = []
      characters = 0
    }
    for (const one of those) {
      const text = textOf(one)
      if (calls.length === batchCallsMax || characters + text.length > charactersMax) send()
      calls.push(one)
      texts.push(text)
      characters += text.length
    }
    send()
  }

  #sendAlone({ exchange, trace, timeoutMs, signals, resolve, stopListening }: Gathered): void {
    stopListening()
    resolve(this.#transport.attempt({ ...exchange, trace }, timeoutMs, signals))
  }

  async #send(calls: readonly Gathered[], texts: readonly string[], timeoutMs: number): Promise<void> {
    const cutting = new AbortController()
    let there = calls.length
    for (const one of calls) {
      one.leave = () => {
        there--
        if (there === 0) cutting.abort(new Error('every call of the batch was aborted'))
      }
    }
    // A request has room for one trace.
    const trace = calls[0]?.trace ?? {}
    const exchange: Exchange = { method: 'POST', path: '/v1/batch', body: `{"calls":[${texts.join()}]}`, trace }
    // Rejects only when there is nobody left to hear of it.
    const reply = await this.#transport.request(exchange, timeoutMs, [cutting.signal]).catch(() => null)
    if (reply !== null) this.#answer(calls, reply)
  }

  #answer(calls: readonly Gathered[], reply: Reply): void {
    if (reply.kind === 'reply' && unfitStatuses.has(reply.response.status)) {
      this.#isUnfit = true
      for (const one of calls) if (!one.isAborted) this.#sendAlone(one)
      return
    }
    const answers =
      reply.kind === 'reply' && reply.response.status === 200
        ? answersOf(reply.response, reply.text, calls.length, reply)
        : []
    for (const [index, one] of calls.entries()) {
      if (one.isAborted) continue
      one.stopListening()
      one.resolve(answers[index] ?? this.#transport.answerOf(reply))
    }
  }
}

function nothing(): void {
  // In the place of what there is to call only later.
}

function textOf({ exchange, batched: { call, semaphore } }: Gathered): string {
  // Neither has a character that JSON would escape. A body always has a lease id, hence the comma.
  return `{"call":"${call}","semaphore":"${semaphore}",${JSON.stringify(exchange.body).slice(1)}`
}
