import type { onRequestHookHandler } from 'fastify'
import type { Excess, Load } from '../load.js'
import { Problem, ProblemError } from '../problem.js'

/** Long enough that a spike is over; the SDK comes back by its own backoff anyway. */
const retryAfterMs = 1_000

const reasons: Readonly<Record<Excess, string>> = {
  event_loop_delay: 'it is behind with its work',
  store_calls: 'too many of its calls of the store are not answered yet',
}

/** Turns a request away, before its body is read, while the replica has more to do than it can. */
export function shedding(load: Load, shed: (excess: Excess) => void): onRequestHookHandler {
  return (_request, _reply, done) => {
    const { excess } = load
    if (excess === null) {
      done()
      return
    }
    shed(excess)
    done(ProblemError.of(tooMuch(excess)))
  }
}

export function tooMuch(excess: Excess): Problem {
  const detail = `This replica has too much to do (${reasons[excess]}): try again, or another replica.`
  return new Problem('OVERLOADED', detail, { retryAfterMs })
}
