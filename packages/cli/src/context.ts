import type { Config } from './config.js'
import type { Output } from './output.js'

/** What every command is given. */
export interface Context {
  readonly config: Config
  readonly output: Output
  /** The exit code of a process that ends when it has nothing left to do. */
  readonly ends: (code: number) => void
  /** Ends the process: of a run nothing is left to wait for, whatever is still open. */
  readonly exit: (code: number) => void
}
