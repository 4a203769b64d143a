import type { Output } from '../output.js'

const enter = '\x1b[?1049h\x1b[?25l\x1b[?7l'
const leave = '\x1b[?7h\x1b[?25h\x1b[?1049l'

/** The terminal's other screen, written over again and again; what was there before is back afterwards. */
export class Screen {
  readonly #output: Output

  constructor(output: Output) {
    this.#output = output
    output.raw(enter)
  }

  /** As many lines as fit; longer ones are cut by the terminal. */
  draw(lines: readonly string[]): void {
    const { rows } = this.#output
    const fitting = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), '…']
    this.#output.raw(`\x1b[H${fitting.map((line) => `${line}\x1b[K`).join('\n')}\x1b[J`)
  }

  close(): void {
    this.#output.raw(leave)
  }
}
