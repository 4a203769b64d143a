import { styleText } from 'node:util'
import type { Config } from './config.js'

export type Colour = 'red' | 'yellow' | 'green' | 'dim' | 'bold'

/** Standard output: for people, or with `--json` for scripts. */
export class Output {
  readonly #stream: NodeJS.WriteStream
  readonly #isColoured: boolean

  constructor(stream: NodeJS.WriteStream, { noColor }: Config) {
    this.#stream = stream
    this.#isColoured = stream.isTTY && !noColor
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY
  }

  get rows(): number {
    return this.#stream.rows
  }

  line(text = ''): void {
    this.#stream.write(`${text}\n`)
  }

  raw(text: string): void {
    this.#stream.write(text)
  }

  json(value: unknown): void {
    this.line(JSON.stringify(value, null, this.isTerminal ? 2 : undefined))
  }

  paint(colour: Colour, text: string): string {
    return this.#isColoured ? styleText(colour, text, { validateStream: false }) : text
  }
}

/** Without what a terminal would obey: a holder is whatever text its caller sent. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
}

export interface Column<Row> {
  readonly title: string
  readonly text: (row: Row) => string
  readonly colour?: (row: Row) => Colour | undefined
  /** Numbers stand to the right. */
  readonly right?: boolean
}

/** Lines in columns, under titles in capitals. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], output: Output): string[] {
  const cells = rows.map((row) => columns.map(({ text }) => printable(text(row))))
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...cells.map((line) => line[at]?.length ?? 0)))
  const pad = (text: string, at: number): string => {
    const width = widths[at] ?? 0
    if (columns[at]?.right === true) return text.padStart(width)
    return at === columns.length - 1 ? text : text.padEnd(width)
  }
  const titles = columns.map(({ title }, at) => output.paint('dim', pad(title, at))).join('  ')
  const lines = rows.map((row, index) =>
    columns
      .map(({ colour }, at) => {
        const text = pad(cells[index]?.[at] ?? '', at)
        const paint = colour?.(row)
        return paint === undefined ? text : output.paint(paint, text)
      })
      .join('  '),
  )
  return [titles, ...lines]
}
