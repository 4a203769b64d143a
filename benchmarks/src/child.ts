import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A program of this folder in a process of its own, so that it has an event loop of its own. It ends with this process. */
export function startChild(program: string, args: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(program, import.meta.url)), args, { execArgv: ['--import', 'tsx'] })
}

/** What it sends first. Rejects when it ends without. */
export async function firstMessage(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`A process of the benchmark ended with ${String(code)}.`)
  })
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [unknown]
  return message
}
