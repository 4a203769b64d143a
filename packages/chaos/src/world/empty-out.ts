import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import type { Ground } from '../clients/setup.js'
import { nowMs } from '../clock.js'
import type { Recorder } from '../history/recorder.js'
import type { World } from './world.js'

const semaphoreReply = z.object({ limit: z.number(), used: z.number(), waiting: z.number() })

/** The grace of a waiter whose replica was killed and whose caller does not come back, the ttl of the lease it got, and what a busy machine adds. */
const emptyWithinMs = 25_000

/**
 * Nobody is left: waits until the last ttl is over, then asks for the whole limit at once, and gives it back. Asks a replica itself, not through
 * a proxy; whoever watches for I2 has nothing else to go by.
 */
export async function emptyOut(world: World, { name, limit, bounded }: Ground, recorder: Recorder): Promise<void> {
  const { host, port } = world.route()
  const ask = (path: string, body?: object): Promise<Response> =>
    fetch(`http://${host}:${port}/v1/semaphores/${name}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const look = async () => semaphoreReply.parse(await (await ask('')).json())
  const leaseId = randomUUID()
  // Creates what no client came to use.
  const first = { leaseId: randomUUID(), create: { limit, bounded } }
  await ask('/acquire', first)
  await ask('/release', { leaseId: first.leaseId })
  const untilMs = nowMs() + emptyWithinMs
  let state = await look()
  while ((state.used > 0 || state.waiting > 0) && nowMs() < untilMs) {
    await pause(50)
    state = await look()
  }
  const whole = await ask('/acquire', { leaseId, permits: Math.max(1, state.limit) })
  if (whole.status === 200) await ask('/release', { leaseId })
  const residue = await world.observer.residueOf(name)
  const { used, waiting } = state
  recorder.record({
    kind: 'emptied',
    semaphore: name,
    limit: state.limit,
    used,
    waiting,
    wholeLimit: whole.status === 200,
    residue,
  })
}
