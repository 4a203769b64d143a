import { shown } from './shown.js'

/** The start cannot go on. Each sentence names a variable, what it was (unless it is secret) and what it may be. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'

  static of(variable: string, value: string, what: string): ConfigError {
    return new ConfigError(`${variable} is ${shown(value)}${what}`)
  }
}
