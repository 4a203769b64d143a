import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Group } from '../warden/group.js'
import { isReport, type Order, type Report } from '../warden/messages.js'

const wardenPath = fileURLToPath(new URL('../warden/main.js', import.meta.url))

export type ChildEnd =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'not-started'; readonly code: string }
  /** The lease was running out, so it was ended. */
  | { readonly kind: 'out-of-time' }
  /** The process between this one and the child was killed; the child has been ended. */
  | { readonly kind: 'warden-killed' }

export interface ChildOptions {
  readonly command: readonly [string, ...string[]]
  readonly env: NodeJS.ProcessEnv
  readonly graceMs: number
  readonly endEarlyMs: number
  readonly foreground: boolean
  readonly untilMs: number
}

/** The command that runs under the lease, and the warden that minds it. */
export class Child {
  /** Resolves when nothing of the child is left, or, if nobody had to end it, when it has ended itself. Never rejects. */
  readonly ended: Promise<ChildEnd>
  readonly #warden: ChildProcess
  #group: Group | undefined

  constructor({ command, env, graceMs, endEarlyMs, foreground, untilMs }: ChildOptions) {
    this.#warden = fork(wardenPath, {
      env,
      detached: !foreground,
      // What this process was started with (a debugger's port) is not for another.
      execArgv: [],
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    })
    const reported = this.#reported(foreground)
    this.ended = Promise.race([reported, this.#wardenGone(reported, graceMs)])
    this.#order({ kind: 'run', command, graceMs, endEarlyMs, foreground, untilMs })
  }

  signal(signal: NodeJS.Signals): void {
    this.#order({ kind: 'signal', signal })
  }

  /** The lease is certain to be held until then. */
  held(untilMs: number): void {
    this.#order({ kind: 'held', untilMs })
  }

  /** SIGTERM, and SIGKILL after the grace. */
  end(): void {
    this.#order({ kind: 'end' })
  }

  #order(order: Order): void {
    // One that cannot be delivered needs no answer: the warden is gone, and `#wardenGone` sees to the child.
    if (this.#warden.connected) this.#warden.send(order, () => undefined)
  }

  #reported(foreground: boolean): Promise<ChildEnd> {
    return new Promise((resolve) => {
      this.#warden.on('message', (report) => {
        if (!isReport(report)) return
        if (report.kind === 'started') this.#group = new Group(report.pid, foreground)
        else resolve(endOf(report))
      })
    })
  }

  async #wardenGone(reported: Promise<ChildEnd>, graceMs: number): Promise<ChildEnd> {
    const lastWord = await new Promise<string | null>((resolve) => {
      this.#warden.once('error', (error) => resolve('code' in error ? String(error.code) : error.message))
      // After every report that was on its way.
      this.#warden.once('disconnect', () => resolve(null))
    })
    // A report that came with the end counts.
    const known = await Promise.race([reported, Promise.resolve(null)])
    if (known !== null) return known
    if (this.#group === undefined && lastWord !== null) return { kind: 'not-started', code: lastWord }
    await this.#group?.end(graceMs)
    return { kind: 'warden-killed' }
  }
}

function endOf(report: Exclude<Report, { kind: 'started' }>): ChildEnd {
  if (report.kind === 'not-started') return report
  if (report.outOfTime) return { kind: 'out-of-time' }
  if (report.signal !== null) return { kind: 'killed', signal: report.signal }
  return { kind: 'exited', code: report.code ?? 0 }
}
