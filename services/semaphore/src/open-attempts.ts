import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Attempt } from '@signalbox/engine'

type Open = Pick<Attempt, 'close' | 'delivered'>

/**
 * Which acquires are open on which connection. The connection is watched, not the response: with pipelining several requests share one,
 * and Node tells only the first response in line that it closed. One listener per connection, however many requests use it.
 */
export class OpenAttempts {
  readonly #bySocket = new WeakMap<Socket, Set<Open>>()

  /** Ends the attempt (for a batch: all of its attempts) if the connection closes before the response is written. */
  track(attempt: Open, socket: Socket, response: ServerResponse): void {
    const open = this.#openOn(socket)
    open.add(attempt)
    // 'finish' means that the operating system has the whole answer. A pipelined answer finishes only when its turn has come.
    response.on('finish', () => {
      open.delete(attempt)
      attempt.delivered()
    })
    // Closed while the body was read: its 'close' has been heard by nobody.
    if (socket.destroyed) attempt.close()
  }

  waitOn(socket: Socket): boolean {
    return (this.#bySocket.get(socket)?.size ?? 0) > 0
  }

  #openOn(socket: Socket): Set<Open> {
    const known = this.#bySocket.get(socket)
    if (known !== undefined) return known
    const open = new Set<Open>()
    this.#bySocket.set(socket, open)
    socket.once('close', () => {
      for (const attempt of open) attempt.close()
      open.clear()
    })
    return open
  }
}
