import { mkdirSync, rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Ground, News } from '../clients/setup.js'
import { nowMs } from '../clock.js'
import { inject } from '../faults/inject.js'
import { scheduleOf } from '../faults/schedule.js'
import { openRecorder, type Recorder } from '../history/recorder.js'
import { Random } from '../random.js'
import { ClientProcess } from './client-process.js'
import { emptyOut } from './empty-out.js'
import type { World } from './world.js'

export interface RoundOptions {
  readonly seed: number
  readonly round: number
  /** How long faults happen. */
  readonly forMs: number
  readonly directory: string
  readonly isFaulty?: boolean
  readonly sdkClients?: number
  readonly plainClients?: number
  readonly callers?: number
  /** How long everybody may take to end after the last fault. */
  readonly finishWithinMs?: number
  /** Ends the round here and now, without its peaceful end. Only for one without faults, which would have to be undone. */
  readonly signal?: AbortSignal
  readonly onProgress?: (calls: number) => void
}

/** After the last fault: a wait of 6 s, the SDK's 30 s of patience, and the ttl of what was lost on the way. */
const defaultFinishWithinMs = 60_000

/** Fresh names for each round: whatever is left of an earlier one is not this one's. */
export function groundsOf(round: number): Ground[] {
  const ground = (name: string, limit: number, bounded: boolean, resized = false): Ground => ({
    name: `round-${round}:${name}`,
    limit,
    bounded,
    fenced: limit === 1,
    resized,
  })
  return [
    ground('one', 1, true),
    ground('one-unbounded', 1, false),
    ground('three', 3, true),
    ground('three-unbounded', 3, false),
    ground('ten', 10, true),
    ground('resized', 4, false, true),
  ]
}

/** Load and faults, then peace until everybody has ended, then the proof that nothing is left. The history is in the directory. */
export async function playRound(world: World, options: RoundOptions): Promise<void> {
  const { directory } = options
  // What an earlier run left there is another history.
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  const recorder = openRecorder(directory, 'run')
  const registerRecorder = openRecorder(directory, 'register')
  world.register.recorder = registerRecorder
  const grounds = groundsOf(options.round)
  world.observer.watch(
    grounds.map(({ name }) => name),
    recorder,
  )
  try {
    world.clients = await startClients(world, options, grounds, recorder)
    await play(world, options, recorder)
    if (options.signal?.aborted === true) return
    const withinMs = options.finishWithinMs ?? defaultFinishWithinMs
    await Promise.all(world.clients.map((client) => client.finish(withinMs)))
    await Promise.all(grounds.map((ground) => emptyOut(world, ground, recorder)))
  } finally {
    await Promise.all(world.clients.map((client) => client.close()))
    world.clients = []
    await world.observer.rest()
    world.register.recorder = null
    registerRecorder.close()
    recorder.close()
  }
}

async function play(
  world: World,
  { seed, round, forMs, isFaulty = true, signal }: RoundOptions,
  recorder: Recorder,
): Promise<void> {
  const cast = { clients: world.clients.length, replicas: world.replicas.length }
  const untilMs = nowMs() + forMs
  if (isFaulty) await inject(scheduleOf(seed, round, forMs, cast), world, recorder)
  const leftMs = Math.max(0, untilMs - nowMs())
  await pause(leftMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined)
}

async function startClients(
  world: World,
  { seed, round, directory, sdkClients = 4, plainClients = 2, callers = 8, onProgress }: RoundOptions,
  grounds: readonly Ground[],
  recorder: Recorder,
): Promise<ClientProcess[]> {
  const callsBy = new Map<string, number>()
  const random = new Random(seed, -1 - round)
  const onNews = (from: ClientProcess, told: News): void => {
    if (told.kind === 'calls') {
      callsBy.set(from.name, told.calls)
      onProgress?.([...callsBy.values()].reduce((sum, calls) => sum + calls, 0))
    } else {
      const { semaphore, leaseId, ttlMs } = told
      random.pick(world.clients.filter(({ adopts }) => adopts)).tell({ kind: 'adopt', semaphore, leaseId, ttlMs })
    }
  }
  const names = [
    ...Array.from({ length: sdkClients }, (_, index) => ({ name: `sdk-${index + 1}`, program: 'sdk' as const })),
    ...Array.from({ length: plainClients }, (_, index) => ({ name: `plain-${index + 1}`, program: 'plain' as const })),
    { name: 'operator', program: 'plain' as const },
  ]
  const started = names.map(({ name, program }, index) =>
    ClientProcess.start({
      program,
      setup: {
        name,
        seed,
        stream: 1_000_000 * round + index + 1,
        registerUrl: world.register.url,
        historyDirectory: directory,
        callers: name === 'operator' ? 1 : callers,
        operates: name === 'operator',
        grounds: [...grounds],
      },
      route: world.route,
      onNews,
      onMishap: (process, text) => recorder.record({ kind: 'mishap', process, text }),
    }),
  )
  return Promise.all(started)
}
