/** What a child may be sent, and this process with it. Not SIGTSTP: see below. */
const passedOn = [
  'SIGINT',
  'SIGTERM',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
  'SIGCONT',
] as const satisfies readonly NodeJS.Signals[]

/** Those that ask for an end. */
const endings: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'])

/** npx passes on the Ctrl-C that the terminal has sent to it and to us: within this time it is the same one again. */
const echoMs = 200

/** The signals of this process while it runs a command; one listener at a time hears them. */
export class Signals {
  readonly #passedAtMs = new Map<NodeJS.Signals, number>()
  readonly #heard = (signal: NodeJS.Signals): void => this.#hear(signal)
  #listener: (signal: NodeJS.Signals, isEnding: boolean) => void = () => undefined

  /** `stopped` hears of a Ctrl-Z that is not followed; without it Ctrl-Z does what it always does. */
  constructor(stopped?: () => void) {
    for (const signal of passedOn) process.on(signal, this.#heard)
    if (stopped !== undefined) process.on('SIGTSTP', stopped)
  }

  listen(listener: (signal: NodeJS.Signals, isEnding: boolean) => void): void {
    this.#listener = listener
  }

  #hear(signal: NodeJS.Signals): void {
    const nowMs = performance.now()
    if (endings.has(signal) && nowMs - (this.#passedAtMs.get(signal) ?? -Infinity) < echoMs) return
    this.#passedAtMs.set(signal, nowMs)
    this.#listener(signal, endings.has(signal))
  }
}
