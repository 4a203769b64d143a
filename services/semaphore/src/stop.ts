import type { Engine } from '@signalbox/engine'
import type { FastifyInstance } from 'fastify'

/** How often connections that have become idle are closed while the last answers go out. */
const sweepMs = 25

/**
 * No new work; whoever waits is told to go elsewhere and keeps its place; what is under way is answered. Resolves when all connections
 * are closed, or, after the grace, cut. Waits are not ended: their callers come back on another replica.
 */
export async function stopServing(app: FastifyInstance, engine: Engine, graceMs: number): Promise<void> {
  const sweep = setInterval(() => app.server.closeIdleConnections(), sweepMs)
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
