import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { eventually } from './eventually.js'

const program = fileURLToPath(new URL('holder.mjs', import.meta.url))

export interface Asked {
  readonly url: string
  readonly name: string
  readonly holder: string
  readonly limit?: number
  readonly permits?: number
  readonly ttlMs?: number
}

/** A process of its own that has asked for permits through the SDK. */
export class Holder {
  readonly #child: ChildProcess
  #said = ''

  constructor(asked: Asked) {
    this.#child = fork(program, [JSON.stringify(asked)])
    this.#child.on('message', (message) => (this.#said = JSON.stringify(message)))
    onTestFinished(() => this.kill())
  }

  /** Resolves when it has said so. */
  async says(what: 'asks' | 'holds' | 'lost'): Promise<void> {
    await eventually(() => this.#said).toBe(JSON.stringify(what))
  }

  /** It gives back what it holds, and ends. */
  async release(): Promise<void> {
    this.#child.send('release')
    await once(this.#child, 'exit')
  }

  /** It is gone, as by a loss of power: it tells nobody. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}

export async function holding(asked: Asked): Promise<Holder> {
  const holder = new Holder(asked)
  await holder.says('holds')
  return holder
}
