import type { Engine } from '@signalbox/engine'
import type { Server, Socket } from 'node:net'
import { Server as TlsServer, TLSSocket } from 'node:tls'
import type { FastifyInstance } from 'fastify'

/** How often connections that have become idle are closed while the last answers go out. */
const sweepMs = 25

/**
 * Connections on which nothing was ever sent, or not even a handshake of TLS came to its end: browsers and `fetch` open some in advance.
 * Node counts them neither as idle nor as requests, so that a server which waits for its connections would wait for them. Returns what
 * closes them.
 */
export function watchUnused(server: Server): () => void {
  const isTls = server instanceof TlsServer
  /** By the caller's address and port: a handshake that is done puts another socket in the place of the first. */
  const open = new Map<string, Socket>()
  const watch = (socket: Socket) => {
    const caller = `${socket.remoteAddress ?? ''} ${socket.remotePort ?? ''}`
    open.set(caller, socket)
    socket.once('close', () => {
      if (open.get(caller) === socket) open.delete(caller)
    })
  }
  server.on('connection', watch)
  if (isTls) server.on('secureConnection', watch)
  return () => {
    for (const socket of open.values()) {
      const isShakingHands = isTls && !(socket instanceof TLSSocket)
      if (isShakingHands || socket.bytesRead === 0) socket.destroy()
    }
  }
}

/**
 * No new work; whoever waits is told to go elsewhere and keeps its place; what is under way is answered. Resolves when all connections
 * are closed, or, after the grace, cut. Waits are not ended: their callers come back on another replica.
 */
export async function stopServing(
  app: FastifyInstance,
  engine: Engine,
  graceMs: number,
  closeUnused: () => void,
): Promise<void> {
  const sweep = setInterval(() => {
    app.server.closeIdleConnections()
    closeUnused()
  }, sweepMs)
  const cut = setTimeout(() => app.server.closeAllConnections(), graceMs)
  try {
    engine.stop()
    await app.close()
    await engine.close()
  } finally {
    clearInterval(sweep)
    clearTimeout(cut)
  }
}
