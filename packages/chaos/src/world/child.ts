import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** How a process ended: its exit code, or the signal that ended it. */
export type Ending = number | NodeJS.Signals

const alive = new Set<Child>()
// Whatever ends this process, the others do not stay behind.
process.once('exit', () => {
  for (const child of alive) child.kill()
})

/** A process of the run's own, which does not outlive it. */
export class Child {
  readonly process: ChildProcess
  readonly ended: Promise<Ending>
  ending: Ending | null = null
  /** Whether the run wants it to end; else its end is a mishap. */
  isWanted = true
  #isStopped = false

  constructor(child: ChildProcess, onLine: (line: string, stream: 'stdout' | 'stderr') => void) {
    this.process = child
    for (const stream of ['stdout', 'stderr'] as const) {
      let rest = ''
      child[stream]?.on('data', (data: Buffer) => {
        const lines = (rest + data.toString()).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) onLine(line, stream)
      })
    }
    this.ended = once(child, 'exit').then(([code, signal]: unknown[]) => {
      alive.delete(this)
      // eslint-disable-next-line @typescript-eslint/no-unsafe-type-assertion -- one of the two, says Node
      return (this.ending = (code ?? signal) as Ending)
    })
    alive.add(this)
  }

  readonly kill = (): void => {
    this.isWanted = false
    this.process.kill('SIGKILL')
  }

  stop(): void {
    this.#isStopped = true
    this.process.kill('SIGSTOP')
  }

  resume(): void {
    if (this.#isStopped) this.process.kill('SIGCONT')
    this.#isStopped = false
  }

  terminate(): void {
    this.isWanted = false
    this.process.kill('SIGTERM')
  }

  /** Resolves with whether it ended by itself within that time; kills it if it did not. */
  async endsWithin(ms: number): Promise<boolean> {
    let alarm: NodeJS.Timeout | undefined
    const late = new Promise<'late'>((resolve) => (alarm = setTimeout(() => resolve('late'), ms)))
    const inTime = (await Promise.race([this.ended, late])) !== 'late'
    clearTimeout(alarm)
    if (!inTime) this.kill()
    await this.ended
    return inTime
  }
}

/** A program that Node runs, without the environment of this process but for the PATH. */
export function runNode(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  onLine: (line: string, stream: 'stdout' | 'stderr') => void,
): Child {
  return new Child(spawn(process.execPath, args, { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] }), onLine)
}

/** The same with a channel for messages. */
export function forkNode(program: string, argument: string, onLine: (line: string) => void): Child {
  const child = fork(program, [argument], { env: {}, execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  return new Child(child, onLine)
}
