import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished, vi } from 'vitest'

/** The built service, as `npm start` runs it. */
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))

/** For what a process does soon; on the busiest machine. */
export const timeout = 20_000

export interface Running {
  readonly child: ChildProcess
  readonly output: () => string
  /** Resolves with where it listens. */
  url(): Promise<string>
  /** Resolves with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>
}

export function temporaryDirectory(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-process-')))
  onTestFinished(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
  return path
}

/** The service as a process of its own, on a free port and without a Redis, unless the environment says otherwise. */
export function run(env: Record<string, string>, cwd = temporaryDirectory()): Running {
  const child = spawn(process.execPath, [main], { cwd, env: { PATH: '', PORT: '0', ...env } })
  let text = ''
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  child.stderr.on('data', (chunk) => (text += String(chunk)))
  const ended = once(child, 'exit').then(([code, signal]: unknown[]) => (code ?? signal) as number | string | null)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    child,
    output: () => text,
    ended,
    url: () =>
      vi.waitFor(
        () => {
          const found = /Signalbox listens on (\S+)/.exec(text)?.[1]
          if (found === undefined) throw new Error(`it does not listen: ${text}`)
          return found
        },
        { timeout, interval: 20 },
      ),
  }
}
