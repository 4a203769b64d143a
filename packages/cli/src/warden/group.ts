import { setTimeout as sleep } from 'node:timers/promises'

const lookEveryMs = 20
/** After SIGKILL only a zombie that nobody reaps is left, as in a container whose first process does not. */
const killedWithinMs = 1_000

/** A child and what it has started: its process group, or, in the foreground, where the group is the terminal's, the child alone. */
export class Group {
  readonly #target: number

  constructor(pid: number, foreground: boolean) {
    this.#target = foreground ? pid : -pid
  }

  /** A group that is gone, or belongs to another user now, is left as it is. */
  signal(signal: NodeJS.Signals): void {
    try {
      process.kill(this.#target, signal)
    } catch {
      // Nobody is left to tell.
    }
  }

  /** SIGTERM, and SIGKILL for what is left after the grace. */
  async end(graceMs: number): Promise<void> {
    this.signal('SIGTERM')
    // One that is stopped would sleep through the grace.
    this.signal('SIGCONT')
    if (await this.#goneWithin(graceMs)) return
    this.signal('SIGKILL')
    await this.#goneWithin(killedWithinMs)
  }

  async #goneWithin(ms: number): Promise<boolean> {
    const untilMs = performance.now() + ms
    while (!this.#isGone()) {
      if (performance.now() >= untilMs) return false
      await sleep(lookEveryMs)
    }
    return true
  }

  #isGone(): boolean {
    try {
      process.kill(this.#target, 0)
      return false
    } catch (error) {
      return error instanceof Error && 'code' in error && error.code === 'ESRCH'
    }
  }
}
