import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { accessArguments, accessFiles, schemeAndLogin } from './access.js'
import { freePort } from './free-port.js'
import type { Launch, Launcher } from './launcher.js'
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
export function startLocalRedis(program: string, options: TestRedisOptions = {}): Promise<TestRedis> {
  const isCluster = options.cluster === true
  return startLocalServer(program, {
    argumentsAt: async () => [...(isCluster ? await busArguments() : []), ...serverArguments(options)],
    ...(isCluster ? { untilUseful: (port) => takeAllSlots({ host, port }) } : {}),
  })
}

/** The port that nodes of a cluster talk on: by default 10000 above the other, which may not exist. */
export async function busArguments(): Promise<string[]> {
  return ['--cluster-port', String(await freePort(host))]
}

export function localLauncher(program: string): Launcher {
  const started: Promise<TestRedis>[] = []
  return {
    outside: { listenAt: host, foundAt: host },
    start: (launch) => {
      const server = startLocalServer(program, launch)
      started.push(server)
      return server
    },
    stop: async () => {
      for (const server of await Promise.allSettled(started))
        if (server.status === 'fulfilled') await server.value.stop()
    },
  }
}

async function startLocalServer(program: string, launch: Launch): Promise<TestRedis> {
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
  const { access = {} } = launch
  const start = async (): Promise<ChildProcess> => {
    for (const [name, text] of Object.entries({ ...accessFiles(access), ...launch.files }))
      writeFileSync(join(folder, name), text)
    const place = [...accessArguments(access, { port, folder }), '--bind', host, '--dir', folder, '--daemonize', 'no']
    const started = spawn(program, [...(await launch.argumentsAt({ port, folder })), ...place], { stdio: 'ignore' })
    // What went wrong shows below, as a server that does not answer.
    started.once('error', () => undefined)
    try {
      await untilItAnswers({ host, port, access }, () => isAlive(started))
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
    url: `${schemeAndLogin(access, '')}${host}:${port}`,
    host,
    port,
    access,
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
