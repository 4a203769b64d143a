import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AppSettings } from './settings.js'
import { minVersion, type TlsPair } from './tls-files.js'

/** With its bounds on what a caller may do before it is known to be one: be slow, be idle, be many. */
export function createHttpServer(handler: RequestListener, settings: AppSettings, tls: TlsPair | null): Server {
  const { receiveTimeoutMs, keepAliveMs, silenceMs, connectionsMax } = settings
  const options = {
    // Half-open callers are found by TCP itself, so that their waits end.
    keepAlive: true,
    keepAliveInitialDelay: 10_000,
    keepAliveTimeout: keepAliveMs,
    // Receiving alone: an answer may take as long as the caller waits. A connection that never says anything is cut by it, too.
    requestTimeout: receiveTimeoutMs,
    headersTimeout: receiveTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, receiveTimeoutMs),
    // Said here, so that no flag of the process changes it. With it the number of headers and the length of a URL are bounded.
    maxHeaderSize: 16_384,
    // Checked in a hook, for Node would answer without a problem document.
    requireHostHeader: false,
  }
  const server =
    tls === null
      ? createServer(options, handler)
      : createTlsServer({ ...options, ...tls, minVersion, handshakeTimeout: receiveTimeoutMs }, handler)
  // Who does not read its answers, for example: the time-outs above end when a request has arrived.
  server.setTimeout(silenceMs)
  // Beyond, connections are closed at once: a file descriptor too few would keep the replica from reaching its store.
  server.maxConnections = connectionsMax
  return server
}
