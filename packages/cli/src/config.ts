import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import { isRecord } from './record.js'

/** What the environment says. The SDK reads `SIGNALBOX_URL` and `SIGNALBOX_API_KEY` by the same rules: an empty variable is one that is not set. */
export interface Config {
  /** Passed on to the command that runs. */
  readonly env: NodeJS.ProcessEnv
  readonly url: string | undefined
  readonly apiKey: string | undefined
  /** Who holds, as the SDK would say it. */
  readonly holder: string
  readonly version: string
  /** https://no-color.org */
  readonly noColor: boolean
}

const holderLengthMax = 256

export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const text = (name: string): string | undefined => (env[name] === '' ? undefined : env[name])
  return {
    env,
    url: text('SIGNALBOX_URL'),
    apiKey: text('SIGNALBOX_API_KEY'),
    holder: (text('SIGNALBOX_HOLDER') ?? `${hostname()}:${process.pid}`).slice(0, holderLengthMax),
    version: versionOf(createRequire(import.meta.url)('../package.json')),
    noColor: text('NO_COLOR') !== undefined || env['TERM'] === 'dumb',
  }
}

function versionOf(manifest: unknown): string {
  return isRecord(manifest) ? String(manifest['version']) : 'unknown'
}
