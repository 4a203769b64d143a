import type { Engine } from '@signalbox/engine'
import type { Server, Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** How often connections that have become idle are closed while the last answers go out. */
const sweepMs = 25

/**
 * Connections on which nothing was ever sent: browsers and `fetch` open some in advance. Node counts them neither as idle nor as
 * requests, so that a server which waits for its connections would wait for them. Returns what closes them.
 */
export function watchUnused(server: Server): () => void {
  const open = new Set<Socket>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  return () => {
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy()
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
