import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, vi } from 'vitest'

/** The built command line. */
export const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))

/** What gives a program a terminal. util-linux has one way to call it, BSD another. */
export const hasScript = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0

/** For what processes do soon; on the busiest machine. */
export const soon = { timeout: 20_000, interval: 20 }

export interface Running {
  readonly child: ChildProcess
  readonly pid: number
  stdout(): string
  stderr(): string
  /** Resolves with its exit code, or the signal that ended it, when all output has been read: nobody holds it open any more. */
  readonly ended: Promise<number | string | null>
  /** Resolves with the numbers that the child has printed after this word. */
  said(word: string): Promise<number>
}

/** `signalbox …` in a process group of its own; killed with the test. */
export function signalbox(url: string, args: readonly string[], env: Record<string, string> = {}): Running {
  return start(process.execPath, [main, ...args], { SIGNALBOX_URL: url, ...env })
}

/**
 * The same on a terminal. `exec`, so that Ctrl-C meets `signalbox` alone: some shells stay above a command, and end with
 * 130 by themselves.
 */
export function onTerminal(url: string, args: readonly string[], env: Record<string, string> = {}): Running {
  const words = [process.execPath, main, ...args].map((word) => `'${word}'`)
  const line = `stty rows 30; exec ${words.join(' ')}`
  return start('script', ['-qefc', line, '/dev/null'], { SIGNALBOX_URL: url, TERM: 'xterm', ...env })
}

export function start(program: string, args: readonly string[], env: Record<string, string>): Running {
  const child = spawn(program, args, { env: { ...process.env, NODE_OPTIONS: '', ...env }, detached: true })
  const { pid } = child
  if (pid === undefined) throw new Error(`${program} did not start`)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  child.stdin.on('error', () => undefined)
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => (code ?? signal) as number | string | null)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    child,
    pid,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    // A terminal shows Ctrl-C as ^C, on the same line.
    said: (word) =>
      vi.waitFor(() => {
        const found = new RegExp(`(?:^|\\^C)${word} ?(\\d*)\\r?$`, 'm').exec(stdout)
        if (found === null) throw new Error(`it has not said ${word}: ${stdout}${stderr}`)
        return Number(found[1])
      }, soon),
  }
}

/** A zombie is not alive: who reaps it is the system's business. */
export function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z')
}

export async function expectGone(...pids: number[]): Promise<void> {
  await vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]), soon)
}

/** The processes that a process has started. */
export function childrenOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child ?? 0)
}
