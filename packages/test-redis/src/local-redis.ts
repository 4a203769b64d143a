import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { freePort } from './free-port.js'
import { takeAllSlots, untilItAnswers } from './resp-probe.js'
import { serverArguments } from './test-redis.js'
import type { TestRedis, TestRedisOptions } from './test-redis.js'

const host = '127.0.0.1'

/** The first of these programs that is on the PATH. */
export function findOnPath(...programs: readonly string[]): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const candidates = programs.flatMap((program) => folders.map((folder) => join(folder, program)))
  return candidates.find(isExecutable) ?? null
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

async function end(child: ChildProcess): Promise<void> {
  if (!isAlive(child)) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

/** How to run one kind of server. */
export interface Launch {
  /** Its whole command line, on this port and with this folder as its own. Called at each start. */
  readonly argumentsOn: (port: number, folder: string) => string[] | Promise<string[]>
  /** What else has to be true before it is of use. */
  readonly untilUseful?: (port: number) => Promise<void>
}

/** Where a server listens and keeps its data, and that it stays in the foreground. */
export function placeArguments(port: number, folder: string): string[] {
  return ['--port', String(port), '--bind', host, '--dir', folder, '--daemonize', 'no']
}

/** Starts the program as a child on a port of its own, its data in a temporary folder. */
export function startLocalRedis(program: string, options: TestRedisOptions = {}): Promise<TestRedis> {
  const isCluster = options.cluster === true
  return startLocalServer(program, {
    argumentsOn: async (port, folder) => [
      ...placeArguments(port, folder),
      ...(isCluster ? await busArguments() : []),
      ...serverArguments(options),
    ],
    ...(isCluster ? { untilUseful: (port) => takeAllSlots(host, port) } : {}),
  })
}

/** The port that nodes of a cluster talk on: by default 10000 above the other, which may not exist. */
export async function busArguments(): Promise<string[]> {
  return ['--cluster-port', String(await freePort(host))]
}

export async function startLocalServer(program: string, launch: Launch): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-redis-'))
  // A port asked for here may be taken by the time the server binds it, then another is tried.
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOn(await freePort(host), program, folder, launch)
    } catch (error) {
      if (attempt < 5) continue
      rmSync(folder, { recursive: true, force: true })
      throw error
    }
  }
}

async function startOn(port: number, program: string, folder: string, launch: Launch): Promise<TestRedis> {
  const start = async (): Promise<ChildProcess> => {
    const started = spawn(program, await launch.argumentsOn(port, folder), { stdio: 'ignore' })
    // What went wrong shows below, as a server that does not answer.
    started.once('error', () => undefined)
    try {
      await untilItAnswers(host, port, () => isAlive(started))
      await launch.untilUseful?.(port)
      return started
    } catch (error) {
      await end(started)
      throw error
    }
  }
  let child = await start()
  // Whoever forgets `stop`, or is interrupted, leaves no server behind.
  const endWithProcess = (): void => void child.kill('SIGKILL')
  process.once('exit', endWithProcess)
  return {
    url: `redis://${host}:${port}`,
    host,
    port,
    source: program,
    pause: async () => void child.kill('SIGSTOP'),
    resume: async () => void child.kill('SIGCONT'),
    kill: () => end(child),
    restart: async () => {
      await end(child)
      child = await start()
    },
    stop: async () => {
      process.off('exit', endWithProcess)
      await end(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
