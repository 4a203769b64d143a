const echoMs = 100
const terminalSignals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']

/**
 * In the foreground the terminal gives Ctrl-C to the command line, to the warden and to the child alike, so the command line must not pass it on;
 * but one that `kill` sent reached the command line alone. Node does not say who sent a signal: whether the warden has heard it too does.
 */
export class TerminalEchoes {
  readonly #heardAtMs = new Map<NodeJS.Signals, number>()

  constructor() {
    for (const signal of terminalSignals) process.on(signal, () => this.#heardAtMs.set(signal, performance.now()))
  }

  /** Calls back, a moment later, unless the signal came from the terminal. */
  unlessHeard(signal: NodeJS.Signals, pass: () => void): void {
    if (!terminalSignals.includes(signal)) {
      pass()
      return
    }
    const sinceMs = performance.now() - echoMs
    setTimeout(() => {
      if ((this.#heardAtMs.get(signal) ?? -Infinity) < sinceMs) pass()
    }, echoMs)
  }
}
