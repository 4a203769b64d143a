import { printable } from './output.js'

/** What the user is told beside the output: on standard error, which a child shares. */
export interface Stream {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
}

/** Lines that stay, and on a terminal one that is written over. */
export class Status {
  readonly #stream: Stream
  readonly #quiet: boolean
  #shown = false

  constructor(stream: Stream, quiet: boolean) {
    this.#stream = stream
    this.#quiet = quiet
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true
  }

  say(text: string): void {
    if (!this.#quiet) this.complain(text)
  }

  /** What is said to those who want quiet, too. */
  complain(text: string): void {
    this.clear()
    this.#stream.write(`signalbox: ${printable(text)}\n`)
  }

  /** Nothing where there is no terminal: a log would fill with it. */
  show(text: string): void {
    if (this.#quiet || !this.isTerminal) return
    this.#stream.write(`\r\x1b[Ksignalbox: ${printable(text)}`)
    this.#shown = true
  }

  clear(): void {
    if (this.#shown) this.#stream.write('\r\x1b[K')
    this.#shown = false
  }
}
