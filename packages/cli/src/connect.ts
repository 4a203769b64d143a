import { SignalboxClient } from '@signalbox/client'
import type { Command } from 'commander'
import type { Context } from './context.js'
import { Http } from './http.js'

export interface Service {
  readonly client: SignalboxClient
  readonly http: Http
}

/** The url that the command line or the environment names. Throws the SDK's `InvalidRequestError` for one that none can be. */
export function urlOf(command: Command, { config }: Context): string | undefined {
  return command.optsWithGlobals<{ url?: string }>().url ?? config.url
}

/** For calls that somebody waits for: one retry, then the user is told. */
export function connect(command: Command, context: Context): Service {
  const url = urlOf(command, context)
  const { apiKey } = context.config
  return { client: new SignalboxClient({ url, apiKey, retryForMs: 0 }), http: new Http(url, apiKey) }
}
