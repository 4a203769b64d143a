import { setTimeout as pause } from 'node:timers/promises'
import { nowMs } from '../clock.js'
import { openRecorder, type Recorder } from '../history/recorder.js'
import { Random } from '../random.js'
import { clientSetup, command, type ClientSetup, type Command, type Ground, type News } from './setup.js'

/** How a wait for permits is described before it begins. */
export interface Wait {
  readonly act: string
  readonly semaphore: string
  readonly permits: number
  readonly waitMs: number | null
  readonly abortAfterMs: number | null
}

/** What the callers of one process share. */
export class Stage {
  readonly setup: ClientSetup
  readonly recorder: Recorder
  readonly random: Random
  isFinishing = false
  #calls = 0

  constructor(setup: ClientSetup) {
    this.setup = setup
    this.recorder = openRecorder(setup.historyDirectory, setup.name)
    this.random = new Random(setup.seed, setup.stream)
  }

  /** The larger the limit the more often, or all callers would soon stand in the queues of the small ones. */
  pickGround(): Ground {
    const { grounds } = this.setup
    return this.random.pick(grounds.flatMap((ground) => Array<Ground>(Math.min(ground.limit, 5)).fill(ground)))
  }

  tell(news: News): void {
    if (process.connected) process.send?.(news)
  }

  /** Writes down that somebody waits. Returns what writes down how that ended, once: what is told later is not about the wait. */
  begin(wait: Wait): (outcome: string) => void {
    const call = `${this.recorder.by}*${(this.#calls += 1)}`
    this.recorder.record({ kind: 'wait', call, ...wait })
    let isOver = false
    return (outcome) => {
      if (!isOver) this.recorder.record({ kind: 'wait-over', call, outcome })
      isOver = true
    }
  }

  /** What a lease of limit 1 protects is written to, if the ground is such a one. */
  async access(ground: Ground, fence: number): Promise<void> {
    if (!ground.fenced) return
    const response = await fetch(`${this.setup.registerUrl}/${ground.name}/${fence}`, { method: 'POST' })
    await response.text()
  }

  /**
   * Works under a lease: says every few ms that it believes to hold it, for as long as it does.
   * @param isHeld whether the holder has no reason to think otherwise
   */
  async work(ground: Ground, fence: number, forMs: number, isHeld: () => boolean): Promise<void> {
    const untilMs = nowMs() + forMs
    for (;;) {
      // Read before `isHeld`: what it says was true then too, or the deadline would be over now.
      const at = nowMs()
      if (!isHeld()) return
      this.recorder.record({ kind: 'believes', at, semaphore: ground.name, fence })
      await this.access(ground, fence)
      const leftMs = untilMs - nowMs()
      if (leftMs <= 0) return
      await pause(Math.min(leftMs, this.random.between(5, 50)))
    }
  }

  /** Runs the callers until the run says `finish`, then what is left to do. */
  async play(step: () => Promise<void>, hear: (told: Command) => void): Promise<void> {
    process.on('message', (message) => {
      const told = command.parse(message)
      if (told.kind === 'finish') this.isFinishing = true
      else if (told.kind === 'block') blockFor(told.forMs)
      else hear(told)
    })
    // The run has ended without a word: nobody is there to record for.
    process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
    const telling = setInterval(() => this.tell({ kind: 'calls', calls: this.#calls }), 1_000)
    const callers = Array.from({ length: this.setup.callers }, async () => {
      while (!this.isFinishing) {
        await step()
        await pause(this.random.between(0, 60))
      }
    })
    await Promise.all(callers)
    clearInterval(telling)
    this.tell({ kind: 'calls', calls: this.#calls })
  }
}

function blockFor(forMs: number): void {
  const untilMs = nowMs() + forMs
  while (nowMs() < untilMs);
}

export function readSetup(): ClientSetup {
  return clientSetup.parse(JSON.parse(process.argv[2] ?? ''))
}
