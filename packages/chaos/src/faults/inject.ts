import { setTimeout as pause } from 'node:timers/promises'
import type { TcpProxy } from '@signalbox/test-redis'
import { nowMs } from '../clock.js'
import type { Recorder } from '../history/recorder.js'
import type { World } from '../world/world.js'
import { victimOf, type Fault } from './schedule.js'

/** How much later everything arrives on a slow connection. */
const slowMs = 300

interface Doing {
  readonly target: string
  begin(): Promise<void> | void
  end(): Promise<void> | void
}

/** Does the faults of a schedule at their times. Resolves when the last one is undone. */
export async function inject(faults: readonly Fault[], world: World, recorder: Recorder): Promise<void> {
  const startMs = nowMs()
  // A new process takes as long to start as the machine lets it: what comes to the same place next waits for that.
  const doneWith = new Map<string, Promise<void>>()
  const one = async (fault: Fault): Promise<void> => {
    const before = doneWith.get(victimOf(fault))
    await pause(Math.max(0, startMs + fault.atMs - nowMs()))
    await before
    const doing = doingOf(fault, world)
    recorder.record({ kind: 'fault', fault: fault.kind, target: doing.target, phase: 'begins' })
    await doing.begin()
    await pause(fault.forMs)
    await doing.end()
    recorder.record({ kind: 'fault', fault: fault.kind, target: doing.target, phase: 'ends' })
  }
  for (const fault of faults) doneWith.set(victimOf(fault), one(fault))
  await Promise.all(doneWith.values())
}

function doingOf(fault: Fault, world: World): Doing {
  const { kind, forMs } = fault
  const client = world.clients[fault.target % world.clients.length]
  const replica = world.replicas[fault.target % world.replicas.length]
  if (client === undefined || replica === undefined) throw new Error('a run needs a client and a replica')
  switch (kind) {
    case 'client-killed':
      return { target: client.name, begin: () => client.kill(), end: () => client.launch() }
    case 'client-stopped':
      return { target: client.name, begin: () => client.stop(), end: () => client.resume() }
    case 'client-blocked':
      return { target: client.name, begin: () => client.tell({ kind: 'block', forMs }), end: () => undefined }
    case 'replica-killed':
      return { target: replica.name, begin: () => replica.kill(), end: () => replica.launch() }
    case 'replica-stopped':
      return { target: replica.name, begin: () => replica.stop(), end: () => replica.resume() }
    case 'replica-rolled':
      return { target: replica.name, begin: () => replica.roll(), end: () => undefined }
    case 'store-killed':
      return { target: 'store', begin: () => world.redis.kill(), end: () => world.redis.restart() }
    case 'store-stopped':
      return { target: 'store', begin: () => world.redis.pause(), end: () => world.redis.resume() }
    case 'scripts-flushed':
      // The store may be away.
      return {
        target: 'store',
        begin: () => world.observer.flushScripts().catch(() => undefined),
        end: () => undefined,
      }
    case 'client-cut':
    case 'client-held':
    case 'client-slowed':
    case 'client-replies-lost':
      return connectionFault(kind, client.name, client.proxy)
    case 'store-cut':
    case 'store-held':
    case 'store-slowed':
    case 'store-replies-lost':
      return connectionFault(kind, replica.name, replica.storeProxy)
  }
}

function connectionFault(kind: `${'client' | 'store'}-${string}`, target: string, proxy: TcpProxy): Doing {
  const end = (): void => proxy.heal()
  if (kind.endsWith('-cut')) return { target, begin: () => proxy.cut(), end }
  if (kind.endsWith('-held')) return { target, begin: () => proxy.hold(), end }
  if (kind.endsWith('-slowed')) return { target, begin: () => void (proxy.delayMs = slowMs), end }
  return { target, begin: () => proxy.loseReplies(), end }
}
