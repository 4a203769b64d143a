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

/** Starts the program as a child on a port of its own, its data in a temporary folder. */
export async function startLocalRedis(program: string, options: TestRedisOptions = {}): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-redis-'))
  // A port asked for here may be taken by the time the server binds it, then another is tried.
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOn(await freePort(host), program, folder, options)
    } catch (error) {
      if (attempt < 5) continue
      rmSync(folder, { recursive: true, force: true })
      throw error
    }
  }
}

async function startOn(port: number, program: string, folder: string, options: TestRedisOptions): Promise<TestRedis> {
  const launch = async (): Promise<ChildProcess> => {
    const place = ['--port', String(port), '--bind', host, '--dir', folder, '--daemonize', 'no']
    // busport: of a cluster node only, and by default 10000 above the port, which may not exist
    const bus = options.cluster === true ? ['--cluster-port', String(await freePort(host))] : []
    const started = spawn(program, [...place, ...bus, ...serverArguments(options)], { stdio: 'ignore' })
    // What went wrong shows below, as a server that does not answer.
    started.once('error', () => undefined)
    try {
      await untilItAnswers(host, port, () => isAlive(started))
      if (options.cluster === true) await takeAllSlots(host, port)
      return started
    } catch (error) {
      await end(started)
      throw error
    }
  }
  let child = await launch()
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
      child = await launch()
    },
    stop: async () => {
      process.off('exit', endWithProcess)
      await end(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
