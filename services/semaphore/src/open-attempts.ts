import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Attempt } from '@signalbox/engine'

/**
 * Which acquires are open on which connection. The connection is watched, not the response: with pipelining several requests share one,
 * and Node tells only the first response in line that it closed. One listener per connection, however many requests use it.
 */
export class OpenAttempts {
  readonly #bySocket = new WeakMap<Socket, Set<Attempt>>()

  /** Ends the attempt if the connection closes before the response is written. */
  track(attempt: Attempt, socket: Socket, response: ServerResponse): void {
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

  #openOn(socket: Socket): Set<Attempt> {
    const known = this.#bySocket.get(socket)
    if (known !== undefined) return known
    const open = new Set<Attempt>()
    this.#bySocket.set(socket, open)
    socket.once('close', () => {
      for (const attempt of open) attempt.close()
      open.clear()
    })
    return open
  }
}
