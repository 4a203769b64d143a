import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants, mkdirSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join, resolve } from 'node:path'
import { lockDirectory, type DirectoryLock } from './directory-lock.js'
import { socketPathIn } from './socket-path.js'

export interface PrivateRedisLog {
  warn(message: string): void
}

/** A redis-server (or valkey-server) that this machine's services share by one directory. */
export interface PrivateRedis {
  readonly socketPath: string
  readonly directory: string
  /** The service whose child it is, if that is another one. */
  readonly sharedWithPid: number | null
  stop(): Promise<void>
}

/** The server's start failed, or nothing answers where it should. */
export class PrivateRedisError extends Error {
  override readonly name = 'PrivateRedisError'
}

const programs = ['redis-server', 'valkey-server']
const startTimeoutMs = 30_000
const retryMs = 1_000

export function findRedisProgram(path: string): string | null {
  for (const directory of path.split(delimiter)) {
    for (const program of programs) {
      const file = join(directory, program)
      try {
        accessSync(file, constants.X_OK)
        if (directory !== '') return file
      } catch {
        // Not here: look on.
      }
    }
  }
  return null
}

/**
 * Whoever has the directory's lock runs the server as its child; every other service of the directory uses the same socket, and takes
 * the lock, and with it the child's place, when its owner has gone. So a second `npm start` is a second replica, and two servers never
 * write one append-only file. The socket is in a directory of this user's alone: no port, no password.
 */
export async function openPrivateRedis(program: string, dataDir: string, log: PrivateRedisLog): Promise<PrivateRedis> {
  const directory = resolve(dataDir)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const socketPath = socketPathIn(directory)
  const lockFile = join(directory, 'lock')
  const lock = lockDirectory(lockFile)
  const keeper = new Keeper(program, directory, socketPath, log)
  if (lock.held) {
    await keeper.begin(lock)
  } else if (!(await answers(socketPath, startTimeoutMs, () => true))) {
    const detail = `${lockFile} names process ${lock.pid}, which runs, but no Redis answers at ${socketPath}. If that process is no Signalbox, delete the file.`
    throw new PrivateRedisError(detail)
  }
  keeper.watch(lockFile)
  return { socketPath, directory, sharedWithPid: lock.held ? null : lock.pid, stop: () => keeper.stop() }
}

class Keeper {
  readonly #program: string
  readonly #directory: string
  readonly #socketPath: string
  readonly #log: PrivateRedisLog
  #lock: Extract<DirectoryLock, { held: true }> | null = null
  #child: ChildProcess | null = null
  #timer: NodeJS.Timeout | null = null
  #beginning = false

  constructor(program: string, directory: string, socketPath: string, log: PrivateRedisLog) {
    this.#program = program
    this.#directory = directory
    this.#socketPath = socketPath
    this.#log = log
  }

  /** Starts the child; resolves when it answers. */
  async begin(lock: Extract<DirectoryLock, { held: true }>): Promise<void> {
    this.#lock = lock
    this.#beginning = true
    try {
      await endOrphan(this.#socketPath)
      const child = spawnWithUs(this.#program, this.#arguments(), this.#directory)
      this.#child = child
      const said: string[] = []
      child.stderr?.on('data', (chunk: Buffer) => said.push(String(chunk)))
      child.once('exit', () => {
        child.stdio[3]?.destroy()
        if (this.#child === child) this.#child = null
      })
      if (await answers(this.#socketPath, startTimeoutMs, () => this.#child === child)) return
      await this.stop()
      const log = join(this.#directory, 'redis.log')
      throw new PrivateRedisError(`${this.#program} did not start: ${said.join('').trim() || `see ${log}`}`)
    } finally {
      this.#beginning = false
    }
  }

  /** Takes the child's place when its owner has gone, and starts it again when it ended by itself. */
  watch(lockFile: string): void {
    this.#timer = setInterval(() => {
      if (this.#child !== null || this.#beginning) return
      const lock = this.#lock ?? lockDirectory(lockFile)
      if (!lock.held) return
      this.#log.warn('The private Redis has ended: starting it again.')
      this.begin(lock).catch((error: unknown) => this.#log.warn(error instanceof Error ? error.message : String(error)))
    }, retryMs)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    const child = this.#child
    if (child !== null && child.exitCode === null) {
      const ended = new Promise((done) => child.once('exit', done))
      child.kill('SIGTERM')
      await ended
    }
    this.#lock?.release()
    this.#lock = null
  }

  #arguments(): string[] {
    const values = {
      dir: this.#directory,
      port: '0',
      unixsocket: this.#socketPath,
      unixsocketperm: '700',
      appendonly: 'yes',
      save: '',
      'maxmemory-policy': 'noeviction',
      daemonize: 'no',
      logfile: join(this.#directory, 'redis.log'),
    }
    return Object.entries(values).flatMap(([name, value]) => [`--${name}`, value])
  }
}

/**
 * A child that ends when this process does, however it does: a shell beside it reads from a pipe whose other end only we have, and the
 * kernel closes that even after SIGKILL. In a session of its own, so that Ctrl-C reaches us alone and we can still answer our callers.
 */
function spawnWithUs(program: string, args: readonly string[], cwd: string): ChildProcess {
  const script = '(cat <&3 >/dev/null; kill -TERM $$ 2>/dev/null) & exec 3<&-; exec "$@"'
  return spawn('/bin/sh', ['-c', script, 'sh', program, ...args], {
    cwd,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
}

/** A server that outlived its service (its shell was killed with it) would write the same file: it is told to end. */
async function endOrphan(socketPath: string): Promise<void> {
  const until = performance.now() + startTimeoutMs
  while ((await ask(socketPath, 'SHUTDOWN')) !== null) {
    if (performance.now() > until) throw new PrivateRedisError(`A Redis at ${socketPath} does not end.`)
    await pause(50)
  }
}

async function answers(socketPath: string, withinMs: number, worthWaiting: () => boolean): Promise<boolean> {
  const until = performance.now() + withinMs
  while (worthWaiting() && performance.now() < until) {
    // -LOADING comes first while it reads its file.
    if ((await ask(socketPath, 'PING'))?.startsWith('+PONG') === true) return true
    await pause(20)
  }
  return false
}

/** One inline command; null when nobody is there. */
function ask(socketPath: string, command: string): Promise<string | null> {
  return new Promise((done) => {
    const socket = connect(socketPath)
    socket.setTimeout(retryMs, () => socket.destroy())
    socket.once('connect', () => socket.write(`${command}\r\n`))
    socket.once('data', (data) => {
      done(String(data))
      socket.destroy()
    })
    socket.once('error', () => done(null))
    socket.once('close', () => done(''))
  })
}

function pause(forMs: number): Promise<void> {
  return new Promise((done) => setTimeout(done, forMs))
}
