import type { Config } from './config.js'
import type { Output } from './output.js'

/** What every command is given. */
export interface Context {
  readonly config: Config
  readonly output: Output
  /** The words of the command line, which the parser hands on without its `--`. */
  readonly argv: readonly string[]
  /** The exit code of a process that ends when it has nothing left to do. */
  readonly ends: (code: number) => void
  /** Ends the process: of a run nothing is left to wait for, whatever is still open. */
  readonly exit: (code: number) => void
}
