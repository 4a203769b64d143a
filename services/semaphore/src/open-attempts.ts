import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Attempt } from '@signalbox/engine'

/** An acquire whose answer has not been written yet. */
interface OpenAttempt {
  readonly attempt: Attempt
  /** Whether the answer is a lease, so that writing it settles who ends the attachment. */
  granted: boolean
}

/**
 * Which acquires are open on which connection. The connection is watched, not the response: with pipelining several requests share one,
 * and Node tells only the first response in line that it closed. One listener per connection, however many requests use it.
 */
export class OpenAttempts {
  readonly #bySocket = new WeakMap<Socket, Set<OpenAttempt>>()

  /** Ends the attempt if the connection closes before the response is written. */
  track(attempt: Attempt, socket: Socket, response: ServerResponse): OpenAttempt {
    const open = this.#openOn(socket)
    const entry: OpenAttempt = { attempt, granted: false }
    open.add(entry)
    // 'finish' means that the operating system has the whole answer. A pipelined answer finishes only when its turn has come.
    response.once('finish', () => {
      open.delete(entry)
      if (entry.granted) attempt.delivered()
    })
    if (socket.destroyed) attempt.close()
    return entry
  }

  waitOn(socket: Socket): boolean {
    return (this.#bySocket.get(socket)?.size ?? 0) > 0
  }

  #openOn(socket: Socket): Set<OpenAttempt> {
    const known = this.#bySocket.get(socket)
    if (known !== undefined) return known
    const open = new Set<OpenAttempt>()
    this.#bySocket.set(socket, open)
    socket.once('close', () => {
      for (const { attempt } of open) attempt.close()
      open.clear()
    })
    return open
  }
}
